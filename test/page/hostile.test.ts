/** What strangers and senders can do to somebody's browser: a tab that answers, and text that cannot hide. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRow, PageWorld, rowWith, type SentLine } from "./page-world.ts";

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
});
afterAll(async () => {
  await world?.close();
});

const hidden = /[^\P{C}\t\n]/u;

type Case = {
  readonly lines: readonly SentLine[];
  readonly source?: string;
  readonly hash: string;
  /** What shows that it was drawn. */
  readonly drawn: (page: Page) => Promise<void>;
};

const long = 250_000;
const inDetail = (text: string) => async (page: Page) => {
  await openRow(page, text);
  await page.getByRole("button", { name: "Copy link" }).waitFor();
};

// Each of these stopped the tab for minutes.
const cases: Record<string, Case> = {
  "lines of the years 1970 and 9999, at a glance": {
    lines: [{ message: "a" }, ...[0, 253_402_300_799_000].map((atMs) => ({ message: "b", atMs }))],
    hash: "glance",
    drawn: (page) => page.getByText("from 1 line; 2 of other times left out").waitFor(),
  },
  "a link with an expression that browsers backtrack in": {
    lines: [{ message: "before" }, { message: `${"a".repeat(60)}!` }],
    hash: `log?match=${encodeURIComponent("(a+)+$|!")}&context=1`,
    drawn: async (page) => {
      await rowWith(page, "aaa!").waitFor();
      expect(await page.locator(".row.around").allInnerTexts()).toEqual([expect.stringContaining("before")]);
    },
  },
  "an expression that browsers backtrack in, searched for": {
    lines: [{ message: `${"a".repeat(60)}!` }, { message: "bbb aa" }],
    hash: "log",
    drawn: async (page) => {
      await rowWith(page, "bbb aa").waitFor();
      await page.keyboard.press("s");
      await page.keyboard.type("/(A+)+$/");
      await expect.poll(() => page.locator(".row mark").allInnerTexts()).toEqual(["aa"]);
      await page.keyboard.press("Enter");
      await page.locator(".foot [role=status]", { hasText: "1 of 1" }).waitFor();
      await page.getByLabel("Search in these lines").fill("/a(/");
      await page.getByRole("alert").filter({ hasText: "missing closing )" }).waitFor();
    },
  },
  "a word of 250,000 letters, opened": {
    lines: [{ message: "x".repeat(long) }],
    hash: "log",
    drawn: inDetail("xxx"),
  },
  "the same as a line of the router": {
    lines: [{ message: "y".repeat(long), dyno: "router" }],
    source: "heroku",
    hash: "log",
    drawn: inDetail("yyy"),
  },
};

test.each(Object.keys(cases))("the tab goes on beside %s", async (name) => {
  const { lines, source, hash, drawn } = cases[name]!;
  const app = `a${Object.keys(cases).indexOf(name)}`;
  await world.createApp(app);
  await world.send(app, lines, source);
  const { page, context, faults } = await world.signedIn(`#/apps/${app}/${hash}`);
  await drawn(page);
  expect(faults).toEqual([]);
  await context.close();
});

test("no text of others hides, moves or forges what is next to it, wherever it is shown", async () => {
  await world.createApp("b");
  const forged = "g\u202en\u200bp\u0007";
  await world.send("b", [
    { message: JSON.stringify({ msg: "hi", [forged]: 1, inner: { [forged]: forged } }) },
  ]);
  const { page, context } = await world.signedIn("#/apps/b/log");
  const isClean = async () => {
    expect(await page.locator("body").innerText()).not.toMatch(hidden);
    expect(await page.title()).not.toMatch(hidden);
  };
  await inDetail("hi")(page);
  await page.locator(".json-name").first().waitFor();
  expect(await page.locator("body").innerText()).toContain("g\\u202en\\u200bp\\u0007=1");
  await isClean();
  const said = encodeURIComponent(forged);
  await page.goto(
    `${world.server.url}/#/apps/${said}/log?panes=${said}&from=${said}&match=${said}&x=${said}`,
  );
  await page.getByText("The link also says").waitFor();
  await isClean();
  await context.close();
});
