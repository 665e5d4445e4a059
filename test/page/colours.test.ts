/** Colours of apps in a real browser: all of them can be read, in light and dark, and the page's policy lets them be. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFinds } from "./axe-finds.ts";
import { PageWorld, type SentLine } from "./page-world.ts";

const esc = "\u001b";
const inRows = (of: (colour: number) => string, more: Partial<SentLine> = {}): SentLine[] =>
  Array.from({ length: 8 }, (_, row) => ({
    message: Array.from({ length: 32 }, (_, n) => of(32 * row + n)).join(" "),
    ...more,
  }));

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
  await world.createApp("colours");
  await world.send("colours", [
    ...inRows((n) => `${esc}[38;5;${n}m${n}${esc}[0m`),
    ...inRows((n) => `${esc}[48;5;${n}m${n}${esc}[0m`),
    ...inRows((n) => `${esc}[38;5;${255 - n};48;5;${n}m${n}${esc}[0m`),
    {
      message: `${esc}[38;2;255;255;0mloud${esc}[0m ${esc}[7mturned${esc}[0m ${esc}[9mgone${esc}[0m`,
      pri: 187,
    },
    { message: `${esc}[38;5;208morange${esc}[0m ${esc}[90mgrey${esc}[0m ${esc}[36mcyan${esc}[0m`, pri: 188 },
  ]);
});
afterAll(() => world?.close());

test.each(["light", "dark"] as const)("all can be read in %s", async (scheme) => {
  const { page, faults, context } = await world.signedIn("#/apps/colours/log", { scheme, height: 1_400 });
  const texts = () => page.locator(".row .text").allInnerTexts();
  await expect.poll(async () => (await texts()).length).toBe(26);
  expect((await texts()).join("")).not.toContain("u001b");
  expect(await axeFinds(page)).toEqual([]);
  const styleOf = (text: string, property: string) =>
    page.evaluate<string>(
      `getComputedStyle([...document.querySelectorAll(".row .text span span, .row .text span")].findLast((one) => one.textContent === ${JSON.stringify(text)})).${property}`,
    );
  expect(await styleOf("turned", "backgroundColor")).not.toBe("rgba(0, 0, 0, 0)");
  expect(await styleOf("gone", "textDecorationLine")).toBe("line-through");
  // The dark scheme has room for yellow as it is; in light it is darker.
  expect((await styleOf("loud", "color")) === "rgb(255, 255, 0)").toBe(scheme === "dark");
  expect(faults).toEqual([]);
  await context.close();
});
