/** The ends of a list: following ends and begins again, keys go on from what is seen, and the oldest line is marked. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PageWorld, rowWith } from "./page-world.ts";

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
  await world.createApp("shop");
  await world.send(
    "shop",
    Array.from({ length: 400 }, (_, n) => ({
      message: n % 150 === 20 ? `order ${n} declined` : `order ${n} done`,
      pri: n % 150 === 20 ? 187 : 190,
    })),
  );
});
afterAll(() => world?.close());

const foot = (page: Page, text: string) => page.locator(".foot [role=status]", { hasText: text });
const following = (page: Page) => page.getByRole("button", { name: "Following", exact: true });
const paused = (page: Page) => page.getByText("paused, nothing moves");

test("following ends as the wheel goes up, and begins again as it comes to the end", async () => {
  const { page, faults, context } = await world.signedIn("#/apps/shop/log");
  await rowWith(page, "order 399").waitFor();
  await page.locator(".list").hover();
  for (const up of [200, 1_400, 60]) {
    await page.mouse.wheel(0, -up);
    await paused(page).waitFor();
    await world.send("shop", [{ message: `came while ${up} away` }]);
    for (let down = 0; down < 12 && (await paused(page).count()) > 0; down++) {
      await page.mouse.wheel(0, up / 4 + 40);
      await page.waitForTimeout(60);
    }
    await following(page).waitFor();
    await rowWith(page, `came while ${up} away`).waitFor();
  }
  await world.send("shop", [{ message: "the newest of all" }]);
  await rowWith(page, "the newest of all").waitFor();
  expect(faults).toEqual([]);
  await context.close();
});

test("who goes to a line that is near the end does not follow, though the wheel went down before", async () => {
  const { page, context } = await world.signedIn("#/apps/shop/log");
  await rowWith(page, "the newest of all").waitFor();
  await page.locator(".list").hover();
  await page.mouse.wheel(0, -900);
  await paused(page).waitFor();
  await page.mouse.wheel(0, 100);
  await page.keyboard.press("k");
  await page.keyboard.press("j");
  await page.locator(".row.selected").waitFor();
  await paused(page).waitFor();
  await context.close();
});

test("e and E go on from what is seen: at the newest end there is no later error, and the list goes on following", async () => {
  const { page, context } = await world.signedIn("#/apps/shop/log");
  await rowWith(page, "the newest of all").waitFor();
  const selected = page.locator(".row.selected");
  await page.keyboard.press("e");
  await foot(page, "no later error").waitFor();
  expect(await selected.count()).toBe(0);
  await following(page).waitFor();
  await page.keyboard.press("Shift+E");
  await selected.filter({ hasText: "ERROR order 320 declined" }).waitFor();
  await page.keyboard.press("Shift+E");
  await selected.filter({ hasText: "order 170 declined" }).waitFor();
  await page.keyboard.press("e");
  await selected.filter({ hasText: "order 320 declined" }).waitFor();
  await page.keyboard.press("e");
  await foot(page, "no later error").waitFor();
  await context.close();
});

test("Home leads to the oldest line, which is marked as such, e from there to the first error, and End to the newest", async () => {
  const { page, context } = await world.signedIn("#/apps/shop/log");
  await rowWith(page, "the newest of all").waitFor();
  await page.locator(".list").focus();
  await page.keyboard.press("Home");
  await page.locator(".gap", { hasText: "the oldest line that is kept" }).waitFor();
  await rowWith(page, "order 0 done").waitFor();
  await page.keyboard.press("e");
  await page.locator(".row.selected", { hasText: "order 20 declined" }).waitFor();
  await page.keyboard.press("End");
  await rowWith(page, "the newest of all").waitFor();
  await following(page).waitFor();
  await context.close();
});

test("what is copied is said, and of how many lines", async () => {
  const { page, context } = await world.signedIn("#/apps/shop/log");
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await rowWith(page, "the newest of all").waitFor();
  await page.keyboard.press("k");
  await page.keyboard.press("c");
  await foot(page, "copied: the line").waitFor();
  await page.keyboard.press("l");
  await foot(page, "copied: a link to the line").waitFor();
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  await foot(page, "copied: 404 lines that are loaded").waitFor();
  await context.close();
});

test("a filter that is written and not entered is told apart from one in force", async () => {
  const { page, context } = await world.signedIn("#/apps/shop/log");
  const field = page.getByRole("search", { name: "filter" }).getByRole("searchbox");
  await field.fill("/declined|refused/");
  await page.getByText("Not in force yet: Enter filters by it.").waitFor();
  await field.press("Enter");
  await page.getByText("These slashes are looked for, too").waitFor();
  await context.close();
});
