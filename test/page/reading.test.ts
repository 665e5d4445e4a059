/** Reading a log in a real browser: the histogram, how lines are shown, what can be taken along, and what is told to ears. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRow, PageWorld, rowWith, type SentLine } from "./page-world.ts";

const minutes = 100;
const perMinute = 40;

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
  await world.createApp("shop");
  const endMs = Date.now();
  const lines = Array.from({ length: minutes * perMinute }, (_, n): SentLine => {
    const minute = Math.floor(n / perMinute);
    const isBad = minute === 30 && n % perMinute < 5;
    return {
      message: isBad ? `ERROR order ${n} failed` : `order ${n} done`,
      dyno: n % 3 === 0 ? "worker.1" : "web.1",
      atMs: endMs - (minutes - minute) * 60_000 + (n % perMinute),
    };
  });
  await world.send("shop", lines);
  await world.createApp("json");
  await world.send("json", [{ message: JSON.stringify({ msg: "job done", user: { id: 7, tags: ["a"] } }) }]);
});
afterAll(() => world?.close());

const orders = async (page: Page): Promise<number[]> =>
  (await page.locator(".row .text").allInnerTexts()).map((text) => Number(/order (\d+)/.exec(text)?.[1]));

/** Picks a part of the histogram, as shares of its width. */
async function brush(page: Page, from: number, to: number): Promise<void> {
  const { x, y, width, height } = (await page.locator(".histogram .plot .u-over").boundingBox())!;
  await page.mouse.move(x + from * width, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + ((from + to) / 2) * width, y + height / 2, { steps: 3 });
  await page.mouse.move(x + to * width, y + height / 2, { steps: 3 });
  await page.mouse.up();
}

test("the histogram covers all that is kept, whatever the list holds, and a stretch of it leads to its lines", async () => {
  const { page, faults, context } = await world.signedIn("#/apps/shop/log");
  await rowWith(page, "order 3999 done").waitFor();
  await page.locator(".histogram-of", { hasText: "4,000 lines" }).waitFor();
  await brush(page, 0.295, 0.315); // about the thirtieth minute of a hundred
  await page.locator(".range").waitFor();
  const failed = page.locator(".row.err.selected", { hasText: "ERROR order 1200 failed" });
  await expect.poll(async () => (await orders(page))[0]).toBeLessThan(1_201);
  const shown = await orders(page);
  expect(shown[0]! % perMinute).toBe(0); // whole steps: the first line of its minute
  expect(shown).toEqual(shown.map((_, n) => shown[0]! + n));
  const range = () => page.locator(".range").innerText();
  await expect.poll(range).toMatch(/^\d\d:\d\d:00 to \d\d:\d\d:00 · (?:80|120|160) lines/);
  const rangeBefore = await range();
  await page.keyboard.press("e");
  await failed.waitFor();

  await page.reload(); // the stretch is in the address
  await expect.poll(range).toBe(rangeBefore);
  await expect.poll(async () => (await orders(page))[0]).toBe(shown[0]);
  await page.getByRole("button", { name: "all times" }).click();
  await rowWith(page, "order 3999 done").waitFor();
  await page.locator(".range").waitFor({ state: "detached" });

  await page.goto(`${world.server.url}/#/apps/shop/log?level=error`);
  await page.locator(".histogram-of", { hasText: /^5 lines/ }).waitFor(); // a filter is counted, too
  await page.getByLabel("span of the histogram").selectOption("1h");
  await page.locator(".histogram-of", { hasText: /^0 lines/ }).waitFor();
  expect(page.url()).toContain("span=1h");
  expect(faults).toEqual([]);
  await context.close();
});

test("marks beside the scrollbar lead to errors, and e and E from one to the next", async () => {
  const { page, context } = await world.signedIn("#/apps/shop/log?dyno=web,worker&match=order%201[12]");
  await rowWith(page, "order 1299").waitFor();
  await page.locator(".marks i.err").first().click();
  await rowWith(page, "ERROR order 1200 failed").first().waitFor();
  await page.keyboard.press("Shift+E");
  const selected = page.locator(".row.err.selected");
  await selected.waitFor();
  const last = await selected.innerText();
  await page.keyboard.press("Shift+E");
  await expect.poll(() => selected.innerText()).not.toBe(last);
  await page.keyboard.press("e");
  await expect.poll(() => selected.innerText()).toBe(last);
  await context.close();
});

test("long lines wrap or not, and times are local or UTC: by key, by menu, and in the address", async () => {
  const { page, context } = await world.signedIn("#/apps/shop/log");
  await rowWith(page, "order 3999").waitFor();
  await page.keyboard.press("w");
  await page.locator(".list.nowrap").waitFor();
  await page.keyboard.press("t");
  await expect.poll(() => page.url()).toMatch(/wrap=0.*zone=utc/);
  await page.getByText("Show", { exact: true }).click();
  await page.getByLabel("Wrap long lines").check();
  await page.locator(".list:not(.nowrap)").waitFor();
  await expect.poll(() => page.getByLabel("Times in UTC").isChecked()).toBe(true);
  await context.close();
});

test("a line, and a link to it, are copied; the list is downloaded as text", async () => {
  const { page, context } = await world.signedIn("#/apps/shop/log");
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await rowWith(page, "order 3999").waitFor();
  await page.keyboard.press("k");
  await page.locator(".row.selected").waitFor();
  await page.keyboard.press("c");
  const clipboard = () => page.evaluate<string>("navigator.clipboard.readText()");
  await expect.poll(clipboard).toBe("order 3999 done");
  await page.keyboard.press("l");
  await expect.poll(clipboard).toMatch(/#\/apps\/shop\/log\?at=/);
  await page.goto(await clipboard());
  await page.reload();
  await page.locator(".row.selected", { hasText: "order 3999" }).waitFor();
  await context.close();
});

test("the fields of JSON are a tree that opens and closes", async () => {
  const { page, context } = await world.signedIn("#/apps/json/log");
  await openRow(page, "job done");
  const tree = page.locator(".detail details.json", { hasText: "user" }).first();
  await tree.getByText('"a"').waitFor();
  await tree.locator("summary").first().click();
  await tree.getByText('"a"').waitFor({ state: "hidden" });
  await context.close();
});

test("the list goes to the row it was asked for, whatever comes above it before it is there", async () => {
  await world.createApp("steps");
  await world.send(
    "steps",
    Array.from({ length: 2_000 }, (_, n) => ({ message: n === 1_600 ? "ERROR one" : `order ${n} done` })),
  );
  const { page, context } = await world.signedIn("#/apps/steps/log");
  await page.locator(".marks i.err").waitFor();
  let release = () => {};
  const isReleased = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/log-sessions", async (route) => {
    if (route.request().postData()?.includes('"before"')) await isReleased;
    await route.continue();
  });
  const asked = page.waitForRequest((request) => request.postData()?.includes('"before"') ?? false);
  await page.keyboard.press("g"); // to the top, where older lines are asked for
  await asked;
  await page.waitForTimeout(500); // the list is at rest
  // On a busy machine a browser tells late that a list was scrolled.
  await page.evaluate(`addEventListener("scroll", (event) => {
    if (!event.isTrusted) return;
    event.stopImmediatePropagation();
    setTimeout(() => event.target.dispatchEvent(new Event("scroll")), 3_000);
  }, true)`);
  await page.keyboard.press("e");
  release();
  const heightPx = () => page.evaluate(`document.querySelector(".sizer").clientHeight`);
  await expect.poll(heightPx).toBeGreaterThan(1_400 * 21);
  await page.waitForTimeout(4_000); // the list has been told, and is at rest again
  expect(await page.locator(".row.err.selected").count()).toBe(1);
  expect(await orders(page)).toContain(1_599);
  await context.close();
});

test("on paper are the lines of the list, and nothing to press", async () => {
  const { page, context } = await world.signedIn("#/apps/shop/log");
  await rowWith(page, "order 3999").waitFor();
  expect(await page.locator(".row").count()).toBeLessThan(120);
  await page.emulateMedia({ media: "print" });
  await expect.poll(() => page.locator(".row").count()).toBeGreaterThan(900);
  for (const pressed of [".sidebar", ".bar", ".marks", ".follow"])
    expect(await page.locator(pressed).first().isVisible()).toBe(false);
  const positions = (await page.evaluate(
    `[...document.querySelectorAll(".place")].slice(0, 50).map((row) => row.getBoundingClientRect().top)`,
  )) as number[];
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  await page.emulateMedia({ media: "screen" });
  await expect.poll(() => page.locator(".row").count()).toBeLessThan(120);
  await context.close();
});

test("? shows the keys and hides them; ears are told the newest line now and then, and the list is silent", async () => {
  const { page, context } = await world.signedIn("#/apps/json/log");
  await rowWith(page, "job done").waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "hidden" });
  const log = page.getByRole("log", { name: "newest lines" });
  const sayAndListen = async () => {
    await world.send("json", [{ message: "first" }, { message: "the newest of all" }]);
    return log.innerText();
  };
  await expect
    .poll(sayAndListen, { interval: 500 })
    .toMatch(/\d+ lines? more, then web\.1: the newest of all/);
  expect(await page.locator(".list[aria-live], .list [aria-live]").count()).toBe(0);
  await context.close();
});
