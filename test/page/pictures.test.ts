/**
 * Every page at two widths, light and dark: nothing sticks out, nothing is empty. `npm test -- test/page/pictures.test.ts -u`
 * takes the pictures of the README anew.
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PageWorld } from "./page-world.ts";
import { sampleLines } from "./sample-lines.ts";

const pages = {
  apps: "#/apps",
  log: "#/apps/todo/log",
  drains: "#/apps/todo/drains",
  glance: "#/apps/todo/glance",
  node: "#/node",
} as const;

const looks = [
  { width: 1_400, height: 860, scheme: "light" },
  { width: 1_400, height: 860, scheme: "dark" },
  { width: 390, height: 844, scheme: "light" },
  { width: 390, height: 844, scheme: "dark" },
] as const;

/** The pictures of the README, by page and look. */
const kept: Readonly<Record<string, string>> = {
  "log 1400 light": "log.png",
  "drains 1400 dark": "drains-dark.png",
  "log 390 light": "phone.png",
};

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
  for (const app of ["todo", "shop-checkout", "shop-search", "mailer"]) await world.createApp(app);
  const { app, heroku } = sampleLines(Date.now(), 20);
  await world.sendInOrder("todo", { app, heroku });
  await world.send("shop-checkout", app.slice(-300));
  await world.send("shop-search", app.slice(-60));
  await world.server.api("POST", "/apps/todo/log-drains", { url: "http://127.0.0.1:9/in", since: "1h" });
});
afterAll(() => world?.close());

test.each(looks)("at $width pixels, $scheme", async (look) => {
  const { page, faults, context } = await world.signedIn("#/apps", look);
  for (const [name, hash] of Object.entries(pages)) {
    await page.goto(`${world.server.url}/${hash}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.locator(".row, .apps tbody tr, .card .ledger, .tile, .noisiest li").first().waitFor();
    await page.waitForTimeout(isUpdating() ? 2_500 : 300); // charts have a sample; in pictures two
    expect(await page.evaluate("document.documentElement.scrollWidth"), name).toBeLessThanOrEqual(look.width);
    const picture = await page.screenshot();
    const file = kept[`${name} ${look.width} ${look.scheme}`];
    if (file !== undefined && isUpdating())
      await writeFile(fileURLToPath(new URL(`../../docs/images/${file}`, import.meta.url)), picture);
  }
  expect(faults).toEqual([]);
  await context.close();
});

const isUpdating = (): boolean =>
  (expect.getState().snapshotState as unknown as { _updateSnapshot: string })._updateSnapshot === "all";
