/** The filter of the log in a real browser: every word of it, what it says of a text that says nothing, and neighbours. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRow, PageWorld, rowWith } from "./page-world.ts";

const lines = 60;
const atMs = Date.now() - 3_600_000;

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
  await world.createApp("shop");
  await world.send(
    "shop",
    Array.from({ length: lines }, (_, n) => ({
      message: n % 20 === 10 ? `ERROR order ${n} failed` : `order ${n} done`,
      dyno: n % 2 ? "worker.1" : "web.1",
      atMs: atMs + n,
    })),
  );
});
afterAll(() => world?.close());

const filterField = (page: Page) => page.getByRole("searchbox", { name: /^Filter/ });
const orders = async (page: Page): Promise<number[]> =>
  (await page.locator(".row .text").allInnerTexts()).map((text) => Number(/order (\d+)/.exec(text)?.[1]));

async function write(page: Page, text: string): Promise<void> {
  await filterField(page).fill(text);
  await filterField(page).press("Enter");
}

test("neighbours of what is found are shown with it, fainter, and the gaps say how many lines are between", async () => {
  const { page, faults, context } = await world.signedIn("#/apps/shop/log");
  await rowWith(page, "order 59 done").waitFor();
  await write(page, "level:error context:2");
  await expect.poll(() => orders(page)).toEqual([8, 9, 10, 11, 12, 28, 29, 30, 31, 32, 48, 49, 50, 51, 52]);
  expect(page.url()).toContain("level=error&context=2");
  await expect
    .poll(() => page.locator(".gap.skip").allInnerTexts())
    .toEqual(["15 lines between", "15 lines between"]);
  await expect.poll(() => page.locator(".row.around").count()).toBe(12);
  await expect.poll(() => page.locator(".row.err:not(.around)").count()).toBe(3);
  await page.getByText("searched: no line comes live").waitFor();

  await world.send("shop", [{ message: "ERROR order 99 failed" }]);
  await page.getByRole("button", { name: "Search again" }).click();
  await rowWith(page, "order 99 failed").waitFor();
  await page.reload(); // the neighbours are in the address
  await rowWith(page, "order 99 failed").waitFor();
  await expect.poll(() => filterField(page).inputValue()).toBe("level:error context:2");
  await write(page, "order 30 before:3 after:1");
  await expect.poll(() => orders(page)).toEqual([27, 28, 29, 30, 31]);
  expect(faults).toEqual([]);
  await context.close();
});

test("since and until take times as people write them, and a link to them means the same to all", async () => {
  await world.createApp("times");
  await world.send("times", [{ message: "old line" }]);
  const { page, faults, context } = await world.signedIn("#/apps/times/log");
  await rowWith(page, "old line").waitFor();
  await write(page, 'since:yesterday until:"tomorrow"');
  await page.getByRole("alert").filter({ hasText: "“tomorrow” is no time for “until:”." }).waitFor();
  await write(page, "since:yesterday until:1s");
  await page.getByText("searched: no line comes live").waitFor();
  // The line was accepted less than a second ago, perhaps: a later search has it.
  const searchedAgain = async () => {
    await page.getByRole("button", { name: "Search again" }).click();
    return rowWith(page, "old line").count();
  };
  await expect.poll(searchedAgain, { interval: 300 }).toBe(1);
  expect(page.url()).toMatch(/since=\d{4}-\d\d-\d\dT00%3A00%3A00Z&until=1s/);
  await expect.poll(() => filterField(page).inputValue()).toMatch(/^since:\d{4}-\d\d-\d\d until:1s$/);
  await write(page, "dyno:wbe");
  await page.getByText("No line is of a process wbe; there are web.1.").waitFor();
  await write(page, "until:2d");
  await page.getByRole("heading", { name: "No line of times matches until:2d" }).waitFor();
  // A filter that cannot be used, or was not sent, is not what the text is of.
  await write(page, "level:loud");
  await page.getByRole("alert").filter({ hasText: "“loud” is no level." }).waitFor();
  await page.getByRole("heading", { name: "No line of times matches until:2d" }).waitFor();
  expect(faults).toEqual([]);
  await context.close();
});

test.each([
  ["since:soon", /“soon” is no time for “since:”\. Write a time as 10m, 14:30, yesterday/],
  [
    "sinse:10m",
    /There is no filter “sinse:”\. There are source, dyno, .* To find that text, write "sinse:10m"/,
  ],
  ["level:loud", /“loud” is no level\. Write one of emerg,/],
  ["since:", /“since:” says nothing\. Write since:"yesterday 14:30"/],
  ["context:2", /nothing is looked for\. Add a word/],
])("%j is told to say nothing and what to write, and the list stays", async (text, note) => {
  const { page, context } = await world.signedIn("#/apps/shop/log?match=order");
  await rowWith(page, "order 59 done").waitFor();
  const before = page.url();
  await write(page, text);
  await expect.poll(() => page.getByRole("alert").innerText()).toMatch(note);
  expect(await filterField(page).getAttribute("aria-invalid")).toBe("true");
  expect(page.url()).toBe(before);
  await rowWith(page, "order 59 done").waitFor();
  await filterField(page).press("End");
  await filterField(page).press("Backspace"); // who goes on writing is not told any more
  await page.getByRole("alert").waitFor({ state: "detached" });
  await context.close();
});

test("an expression without an end is told with what to write, and so is a bad time in an address", async () => {
  const { page, context } = await world.signedIn("#/apps/shop/log");
  await rowWith(page, "order 59 done").waitFor();
  await write(page, "order (5");
  await page.getByRole("heading", { name: "The filter cannot be used" }).waitFor();
  await expect
    .poll(() => page.locator(".empty").innerText())
    .toMatch(/missing closing \) in “order \(5”[\s\S]*Write \\\( for a \(/);
  await page.getByRole("button", { name: "Clear the filter" }).click();
  await rowWith(page, "order 59 done").waitFor();
  await page.goto(`${world.server.url}/#/apps/shop/log?since=soon`);
  await expect.poll(() => page.locator(".empty").innerText()).toMatch(/"soon" is not a time/);
  await page.goto(`${world.server.url}/?since=1h#/apps/shop/log?from=soon`);
  await page.getByRole("status").filter({ hasText: "“since=1h”, “from=soon”" }).waitFor();
  await rowWith(page, "order 59 done").waitFor();
  await context.close();
});

test("processes to put side by side are those of the whole log, not of the lines that are here", async () => {
  await world.createApp("many");
  await world.send("many", [
    { message: "rare", dyno: "clock.1" },
    { message: "rare", dyno: "web.10" },
  ]);
  await world.send(
    "many",
    Array.from({ length: 3_000 }, (_, n) => ({ message: `line ${n}`, dyno: "web.2" })),
  );
  const { page, faults, context } = await world.signedIn("#/apps/many/log?match=line");
  await rowWith(page, "line 2999").waitFor();
  await page.getByText("Show", { exact: true }).click();
  await page.getByLabel("clock.1").waitFor();
  const menu = page.locator(".menu-box fieldset");
  await expect.poll(() => menu.getByRole("checkbox").count()).toBe(3);
  expect((await menu.locator("label").allInnerTexts()).map((text) => text.trim())).toEqual([
    "clock.1",
    "web.2",
    "web.10",
  ]);
  await page.getByLabel("clock.1").check();
  await page.getByRole("heading", { name: "clock.1" }).waitFor();
  expect(faults).toEqual([]);
  await context.close();
});

test("a search that finds more than the list holds says so, and a level between the grades is shown as chosen", async () => {
  await world.createApp("full");
  await world.send(
    "full",
    Array.from({ length: 12_000 }, (_, n) => ({ message: `line ${n}`, pri: 186 })),
  );
  const { page, faults, context } = await world.signedIn("#/apps/full/log");
  await rowWith(page, "line 11999").waitFor();
  await write(page, "level:crit until:0s");
  await page.getByText("searched: no line comes live").waitFor();
  await expect.poll(() => page.getByLabel("severity").inputValue()).toBe("crit");
  await openRow(page, "line 11999");
  const note = page.getByText("older ones are not held");
  const upwards = async () => {
    await page.keyboard.press("g");
    return note.count();
  };
  await expect.poll(upwards, { interval: 200 }).toBe(1);
  await expect
    .poll(async () => Number(/line (\d+)/.exec(await page.locator(".row .text").first().innerText())?.[1]))
    .toBeGreaterThan(1_500);
  expect(faults).toEqual([]);
  await context.close();
});
