/** The log in a real browser: hostile lines, links, search, keys, a server that goes away, and axe. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeFinds } from "./axe-finds.ts";
import { openRow, PageWorld, rowWith } from "./page-world.ts";
import { sampleLines } from "./sample-lines.ts";

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
});
afterAll(() => world?.close());

const list = (page: Page) => page.getByRole("list", { name: "lines" });

/** How many points of the colour of errors a chart shows. */
const drawnIn = (page: Page, canvas: string): Promise<number> =>
  page.evaluate(`(() => {
    const canvas = document.querySelector(${JSON.stringify(canvas)});
    if (canvas === null || canvas.width === 0) return 0;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let drawn = 0;
    for (let n = 0; n < data.length; n += 4)
      if (data[n + 3] > 200 && data[n] > 150 && data[n + 1] < 120 && data[n + 2] < 120) drawn++;
    return drawn;
  })()`);

describe("signing in and out", () => {
  test("a wrong key is told, the right one opens the page, and signing out closes it", async () => {
    const { page, context } = await world.window();
    await page.goto(`${world.server.url}/`);
    await page.getByLabel("API key").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").filter({ hasText: "not a key of this server" }).waitFor();
    expect(await axeFinds(page)).toEqual([]);
    await page.getByLabel("API key").fill("test-operator-key-000000000000000000");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Apps", exact: true }).waitFor();
    expect(await page.evaluate("document.cookie")).toBe("");
    await page.getByRole("button", { name: /Sign out/ }).click();
    await page.getByLabel("API key").waitFor();
    await page.reload();
    await page.getByLabel("API key").waitFor();
    await context.close();
  });
});

describe("lines", () => {
  test("of a hostile app are text, and break neither out of their row nor the page", async () => {
    await world.createApp("hostile");
    await world.send("hostile", [
      { message: '<img src=x onerror="document.title=1"><script>document.title=2</script>' },
      { message: "\u001b]0;title\u0007\u001b[2J\u001b[1;31mred\u001b[0m \u202egnp.exe" },
      { message: 'javascript:alert(1) {"__proto__":{"x":1}}' },
      { message: '{"msg":"<b>bold</b>","a":{"b":[1,2,{"c":null}]}}' },
      { message: "x".repeat(60_000) },
    ]);
    const { page, faults, context } = await world.signedIn("#/apps/hostile/log");
    await rowWith(page, "<img src=x").waitFor();
    expect(await page.locator(".list img, .list script, .list b:not(.status)").count()).toBe(0);
    await expect.poll(() => page.title()).toBe("hostile · tailrace");
    const text = rowWith(page, "gnp.exe").locator(".text");
    await expect.poll(() => text.innerText()).toBe("\\u001b]0;title\\u0007\\u001b[2Jred \\u202egnp.exe");
    await expect.poll(() => page.locator(".c-red.bold").innerText()).toBe("red");
    await openRow(page, "<b>bold</b>", "c: null");
    expect(faults).toEqual([]);
    await context.close();
  });

  test("of the platform have a star that no app can write", async () => {
    await world.createApp("stars");
    const message = "State changed from up to crashed";
    await world.send("stars", [{ message }, { message, dyno: "*web.1" }]);
    await world.send("stars", [{ message }], "heroku");
    const { page, context } = await world.signedIn("#/apps/stars/log");
    const names = () => page.locator(".row .process").allInnerTexts();
    await expect.poll(names).toEqual(["web.1", "app/*web.1", "*web.1"]);
    await expect.poll(() => page.getByRole("img", { name: "the platform:" }).count()).toBe(1);
    expect(await axeFinds(page)).toEqual([]);
    await context.close();
  });

  test("of errors are counted for the last minute, and the list of apps says so", async () => {
    await world.createApp("late");
    await world.send("late", [{ message: "no", pri: 187 }]);
    const { page, context } = await world.signedIn("#/apps");
    await page.getByRole("columnheader", { name: "Errors, last minute" }).waitFor();
    const row = page.getByRole("row", { name: /^late/ });
    await expect.poll(() => row.locator("a.bad").innerText()).toBe("1");
    await context.close();
  });

  test("that come at one moment have a bar at once, in the log and at a glance", async () => {
    await world.createApp("moment");
    const atMs = Date.now();
    const lines = Array.from({ length: 5 }, () => ({ message: "ERROR: no", atMs }));
    const { page, context } = await world.signedIn("#/apps/moment/log");
    await page.getByRole("heading", { name: "No line yet" }).waitFor();
    await world.send("moment", lines);
    await expect.poll(() => drawnIn(page, ".histogram canvas")).toBeGreaterThan(50);
    await page.goto(`${world.server.url}/#/apps/moment/glance`);
    const errors = ".panel:has(.events) canvas";
    await page.locator(errors).waitFor();
    await expect.poll(() => drawnIn(page, errors)).toBeGreaterThan(50);
    await context.close();
  });

  test("of an app that there is not are told to be missing, and nothing is said of a stream", async () => {
    const { page, context } = await world.signedIn("#/apps/no-such-app/log");
    await page.getByRole("heading", { name: "The log cannot be shown" }).waitFor();
    expect(await page.getByRole("button", { name: /^Follow/ }).count()).toBe(0);
    expect(await page.getByText("nothing missing").count()).toBe(0);
    await context.close();
  });

  test("come as they are written; a filter in the address chooses them, and a link leads to one with its neighbours", async () => {
    await world.createApp("links");
    await world.send(
      "links",
      Array.from({ length: 5_000 }, (_, n) => ({
        message: `line ${n} of many`,
        dyno: n % 2 ? "web.1" : "worker.1",
      })),
    );
    const { page, faults, context } = await world.signedIn("#/apps/links/log?dyno=worker");
    await rowWith(page, "line 4998 of many").waitFor();
    expect(await page.locator(".row .process", { hasText: "web.1" }).count()).toBe(0);
    await world.send("links", [
      { message: "just now", dyno: "worker.1" },
      { message: "not seen", dyno: "web.1" },
    ]);
    await rowWith(page, "just now").waitFor();
    expect(await rowWith(page, "not seen").count()).toBe(0);

    await page.goto(`${world.server.url}/#/apps/links/log?match=line%20700%20of`);
    await openRow(page, "line 700 of many", "line 700 of many");
    await page.getByRole("button", { name: "Show neighbours" }).click();
    await rowWith(page, "line 701 of many").waitFor();
    await rowWith(page, "line 699 of many").waitFor();
    expect(page.url()).toContain("at=");
    await page.reload();
    await rowWith(page, "line 700 of many").and(page.locator(".selected")).waitFor();
    await rowWith(page, "line 699 of many").waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  test("older ones load as one scrolls up, to the first, and nothing moves meanwhile", async () => {
    const { page, context } = await world.signedIn("#/apps/links/log");
    await rowWith(page, "not seen").waitFor();
    await list(page).hover();
    let first = 5_000;
    for (let turns = 0; turns < 400 && first > 0; turns++) {
      await page.mouse.wheel(0, -4_000);
      await page.waitForTimeout(30);
      const top = await page.locator(".row .text").first().innerText();
      first = Number(/line (\d+) of/.exec(top)?.[1] ?? first);
    }
    await rowWith(page, "line 0 of many").waitFor();
    // Every line once, in order: what is drawn follows one another.
    const shown = await page.locator(".row .text").allInnerTexts();
    const numbers = shown.map((text) => Number(/line (\d+) of/.exec(text)?.[1]));
    expect(numbers).toEqual(numbers.map((_, n) => numbers[0]! + n));
    const place = async () => JSON.stringify(await page.locator(".place").first().boundingBox());
    let before = await place();
    const hasSettled = async () => before === (before = await place());
    await expect.poll(hasSettled, { interval: 250 }).toBe(true);
    await world.send(
      "links",
      Array.from({ length: 200 }, (_, n) => ({ message: `later ${n}` })),
    );
    await page.locator(".histogram-of", { hasText: "5,202 lines" }).waitFor(); // the page was told of them
    expect(await place()).toBe(before);
    await page.getByRole("button", { name: "Follow", exact: true }).click();
    await rowWith(page, "later 199").waitFor();
    await context.close();
  });

  test("the search goes from match to match, errors have keys of their own, and traces are folded", async () => {
    await world.createApp("shop");
    const { app, heroku } = sampleLines(Date.now(), 20);
    await world.send("shop", heroku, "heroku");
    await world.send("shop", app);
    const { page, faults, context } = await world.signedIn("#/apps/shop/log?source=app");
    await page.locator(".marks i.err").first().waitFor(); // errors are in the list, seen or not
    await page.keyboard.press("Shift+E");
    // The trace's lines may come in a later batch than its head: it is folded when they are there.
    const trace = page.locator(".row.err.selected", { hasText: "PG::ConnectionBad" });
    await trace.filter({ hasText: "5 lines of stack trace" }).waitFor();
    await page.locator(".row.err.selected .fold").click();
    await rowWith(page, "list.rb:201").first().waitFor();
    await page.keyboard.press("s");
    await page.keyboard.type("pool is busy");
    await page.keyboard.press("Enter");
    await page.locator(".row.selected mark").first().waitFor();
    const place = page.locator(".foot [role=status]", { hasText: /^\d+ of \d+$/ });
    await place.waitFor();
    await expect.poll(() => place.innerText()).toMatch(/^(\d+) of \1$/); // the newest comes first
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    expect(await axeFinds(page)).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  test("processes stand side by side, each with its own", async () => {
    const { page, context } = await world.signedIn("#/apps/shop/log?panes=web.1,worker.1");
    await page.getByRole("heading", { name: "worker.1" }).waitFor();
    await page.getByRole("region", { name: "worker.1", exact: true }).locator(".row").first().waitFor();
    expect(
      await page.getByRole("region", { name: "worker.1", exact: true }).getByText("Started GET").count(),
    ).toBe(0);
    expect(await axeFinds(page)).toEqual([]);
    await context.close();
  });

  test("side by side, too, what the platform says has a star, and no line of the app has one", async () => {
    await world.createApp("forged");
    await world.send("forged", [{ message: "State changed from up to crashed", dyno: "web.1" }]);
    await world.send("forged", [{ message: "State changed from starting to up", dyno: "web.1" }], "heroku");
    const { page, context } = await world.signedIn("#/apps/forged/log?panes=web.1,worker.1");
    await rowWith(page, "from starting to up").waitFor();
    const shown = async (text: string) => (await rowWith(page, text).innerText()).split("\n").slice(1);
    expect(await shown("up to crashed")).toEqual(["State changed from up to crashed"]);
    expect(await shown("starting to up")).toEqual(["*", "State changed from starting to up"]);
    await context.close();
  });

  test("what is searched for is marked in a request's own row, and in fields that are shown", async () => {
    await world.createApp("found");
    const request =
      'at=info method=GET path="/lists/42" host=h request_id=4f1d fwd="1.2.3.4" dyno=web.1 connect=0ms service=12ms status=200 bytes=512';
    await world.send("found", [{ message: request, dyno: "router" }], "heroku");
    await world.send("found", [{ message: 'level=warn msg="slow query" table=lists rows=12003' }]);
    const { page, context } = await world.signedIn("#/apps/found/log");
    await rowWith(page, "slow query  table=lists  rows=12003").waitFor();
    await page.keyboard.press("s");
    await page.keyboard.type("lists");
    await expect.poll(() => page.locator(".row mark").allInnerTexts()).toEqual(["lists", "lists"]);
    expect(await rowWith(page, "/lists/42").innerText()).toContain("200 GET /lists/42 12 ms");
    await page.locator("input.find, .find input").first().fill("4f1d"); // the row does not have it: the line does
    await expect.poll(() => page.locator(".row mark").allInnerTexts()).toEqual(["4f1d"]);
    await context.close();
  });

  test("a list of two days names the day, and a filter that nothing passes is told and cleared", async () => {
    await world.createApp("days");
    const nowMs = Date.now();
    await world.send("days", [
      { message: "of the day before", atMs: nowMs - 86_400_000 },
      { message: "of today", atMs: nowMs },
    ]);
    const { page, faults, context } = await world.signedIn("#/apps/days/log?match=nowhere");
    await page.getByRole("heading", { name: "No line of days matches" }).waitFor();
    await page.getByText("Of 2 lines kept since").waitFor();
    await page.getByRole("button", { name: "Clear the filter" }).click();
    await rowWith(page, "of today").waitFor();
    await expect
      .poll(() => page.locator(".place").allInnerTexts())
      .toEqual([
        "the oldest line that is kept",
        expect.stringContaining("of the day before"),
        expect.stringMatching(/^\w{3}, \d{1,2} \w{3} \d{4}$/),
        expect.stringContaining("of today"),
      ]);
    await page.keyboard.press("k");
    await page.keyboard.press("k"); // over the day, to a line
    await page.locator(".row.selected", { hasText: "of the day before" }).waitFor();
    await page.goto(`${world.server.url}/#/apps/days/log?match=%5Bbad`);
    await page.getByText("The filter cannot be used").waitFor();
    expect(await page.locator(".empty").innerText()).not.toContain("`");
    expect(faults.filter((fault) => !fault.includes("422") && !fault.includes("400"))).toEqual([]);
    await context.close();
  });

  test("an opened line shows its text in whole rows, however much else there is of it", async () => {
    await world.createApp("fields");
    const message = JSON.stringify({
      msg: "payment failed",
      ...Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`field_${n}`, `value ${n}`])),
    });
    await world.send("fields", [{ message }]);
    for (const width of [1400, 390]) {
      const { page, context } = await world.signedIn("#/apps/fields/log");
      await page.setViewportSize({ width, height: 844 });
      await openRow(page, "payment failed");
      const text = page.locator(".detail .whole-text");
      await expect.poll(async () => (await text.boundingBox())?.height).toBeGreaterThan(80);
      await context.close();
    }
  });
});

describe("a server that goes away", () => {
  test("is waited for, and when it is back nothing is missing and nothing comes twice", async () => {
    await world.createApp("steady");
    const { page, context } = await world.signedIn("#/apps/steady/log");
    await world.send(
      "steady",
      Array.from({ length: 50 }, (_, n) => ({ message: `number ${n}` })),
    );
    await rowWith(page, "number 49").waitFor();
    await world.server.kill("SIGKILL");
    await page.getByText("Trying again").waitFor();
    await world.server.start();
    await world.send(
      "steady",
      Array.from({ length: 10 }, (_, n) => ({ message: `number ${n + 50}` })),
    );
    await rowWith(page, "number 59").waitFor();
    const mark = page.locator(".gap").first();
    await expect
      .poll(() => mark.innerText())
      .toMatch(/connection resumed after .* · nothing missing \(\d+\.\d+ → \d+\.\d+\)/);
    await page.getByText("nothing missing", { exact: true }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download" }).click(),
    ]);
    const stream = await download.createReadStream();
    let text = "";
    for await (const part of stream) text += part;
    expect([...text.matchAll(/number (\d+)/g)].map(([, n]) => Number(n))).toEqual(
      Array.from({ length: 60 }, (_, n) => n),
    );
    await context.close();
  });
});

describe("axe finds nothing", () => {
  test.each([
    ["#/apps", "light"],
    ["#/apps/shop/log", "light"],
    ["#/apps/shop/log", "dark"],
    ["#/apps/shop/drains", "light"],
    ["#/apps/shop/glance", "dark"],
    ["#/node", "light"],
  ] as const)("at %s in %s", async (hash, scheme) => {
    const { page, context } = await world.signedIn(hash, { scheme });
    await page.locator(".row, .apps tbody tr, .drains .empty, canvas, .noisiest li").first().waitFor();
    await page.waitForTimeout(1_500);
    await expect.poll(() => axeFinds(page)).toEqual([]);
    await context.close();
  });
});
