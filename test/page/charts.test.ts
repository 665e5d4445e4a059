/** Charts in a real browser: what is not known is not drawn, a point alone is, and tables say the same. */
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PageWorld, type SentLine } from "./page-world.ts";

const minuteMs = 60_000;

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
  await world.createApp("gaps");
  // Requests and memory of a while ago, then nothing, then one of each.
  const nowMs = Date.now();
  const at = (minutes: number): SentLine[] => [
    {
      message: `at=info method=GET path="/" host=h dyno=web.1 connect=0ms service=${40 + minutes}ms status=200 bytes=5`,
      dyno: "router",
      pri: 158,
      atMs: nowMs - minutes * minuteMs,
    },
    {
      message: "source=web.1 dyno=heroku.1 sample#memory_total=200.00MB",
      pri: 158,
      atMs: nowMs - minutes * minuteMs,
    },
  ];
  await world.send("gaps", [50, 49.5, 49, 48.5, 48, 47.5, 47, 5].flatMap(at), "heroku");
});
afterAll(() => world?.close());

const panel = (page: Page, title: string): Locator => page.locator(".panel", { hasText: title });

/** Columns of colour in a part of a panel's plot; grid and labels are grey. */
const drawnBetween = (page: Page, title: string, from: number, to: number): Promise<number> =>
  page.evaluate(`(() => {
    const panel = [...document.querySelectorAll(".panel")].find((one) => one.innerText.includes(${JSON.stringify(title)}));
    const canvas = panel.querySelector("canvas");
    const over = panel.querySelector(".u-over");
    const scale = canvas.width / canvas.getBoundingClientRect().width;
    const [left, width] = [over.offsetLeft * scale, over.clientWidth * scale];
    const [top, height] = [Math.round(over.offsetTop * scale), Math.round(over.clientHeight * scale)];
    const columns = Math.round(${to - from} * width);
    const { data } = canvas.getContext("2d").getImageData(Math.round(left + ${from} * width), top, columns, height);
    const drawn = new Set();
    for (let n = 0; n < data.length; n += 4) {
      const [r, g, b, a] = data.subarray(n, n + 4);
      if (a > 20 && Math.max(r, g, b) - Math.min(r, g, b) > 40) drawn.add((n / 4) % columns);
    }
    return drawn.size;
  })()`);

test("nothing is drawn across a time of which nothing is known, and what stands alone in it is a point", async () => {
  const { page, faults, context } = await world.signedIn("#/apps/gaps/glance");
  for (const title of ["Service time", "Memory"]) {
    await panel(page, title).locator("canvas").waitFor();
    await expect.poll(() => drawnBetween(page, title, 0, 0.08)).toBeGreaterThan(5);
    await expect.poll(() => drawnBetween(page, title, 0.15, 0.9)).toBe(0);
    await expect.poll(() => drawnBetween(page, title, 0.97, 1)).toBeGreaterThan(0);
  }
  // The hidden table says of the same steps that there is none, and of the last what it was.
  const p50 = panel(page, "Service time").locator("tbody tr td:last-of-type");
  await expect.poll(async () => (await p50.allInnerTexts()).at(-1)).toBe("45 ms");
  const values = await p50.allInnerTexts();
  expect(values.slice(0, -1).every((text) => text === "none")).toBe(true);
  expect(values.length).toBeGreaterThan(10);
  expect(faults).toEqual([]);
  await context.close();
});

test("the node shows pace and lag over time, and its tiles stand in columns", async () => {
  await world.server.api("POST", "/apps/gaps/log-drains", { url: "http://127.0.0.1:9/in", since: "2h" });
  const { page, faults, context } = await world.signedIn("#/node");
  for (const title of ["Lines a second", "Lag: lines waiting for drains"])
    await panel(page, title).locator("canvas").waitFor();
  const waiting = panel(page, "Lag").locator("tbody tr td");
  await expect.poll(async () => (await waiting.allInnerTexts()).at(-1)).toBe("16");
  await expect.poll(() => drawnBetween(page, "Lag", 0.9, 1)).toBeGreaterThan(5);
  const lefts = await page.evaluate<number[]>(
    `[...document.querySelectorAll(".tile")].map((tile) => Math.round(tile.getBoundingClientRect().left))`,
  );
  const columns = new Set(lefts);
  expect(lefts.length).toBe(9);
  expect(columns.size).toBe(lefts.indexOf(lefts[0]!, 1)); // every row begins where the first does
  expect(faults).toEqual([]);
  await context.close();
});
