/** The list of apps in a real browser: the last line of each as its row in the log shows it, and the way from it to an app. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { PageWorld } from "./page-world.ts";

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
});
afterAll(() => world?.close());

test("the last line is shown as the log shows it: fields of JSON, colours, requests, how bad it is, and who wrote it", async () => {
  for (const app of ["json", "colours", "requests", "long"]) await world.createApp(app);
  await world.send("json", [
    { message: JSON.stringify({ level: "error", msg: "payment failed", order: 17, card: "visa" }) },
  ]);
  await world.send("colours", [
    { message: "\u001b[1;31mred\u001b[0m \u001b[48;5;24mon blue\u001b[0m \u001b[2J" },
  ]);
  const request =
    'at=error code=H12 desc="Request timeout" method=GET path="/x" host=h dyno=web.1 service=30000ms status=503 bytes=0';
  await world.send("requests", [{ message: request, dyno: "router", pri: 158 }], "heroku");
  const fields = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`field_${n}`, n]));
  await world.send("long", [{ message: JSON.stringify({ msg: "with many fields", ...fields }) }]);
  const { page, faults, context } = await world.signedIn("#/apps");
  const last = (app: string) => page.getByRole("row", { name: new RegExp(`^${app}`) }).locator(".last");
  const shown = async (app: string) =>
    (await last(app).innerText()).replaceAll(/\s+/g, " ").replace(/^[\d:]+ /, "");
  await expect.poll(() => shown("json")).toBe("web.1 payment failed order=17 card=visa");
  await expect.poll(() => shown("colours")).toBe("web.1 red on blue \\u001b[2J");
  await expect
    .poll(() => shown("requests"))
    .toBe("*router 503 H12 GET /x 30,000 ms · web.1 · 0 B · Request timeout");
  await expect.poll(() => shown("long")).toMatch(/^web\.1 with many fields field_0=0 .* \+34 fields$/);
  const edges = async (app: string) => (await last(app).getAttribute("class"))?.trim();
  expect(await edges("json")).toBe("last err");
  expect(await edges("requests")).toBe("last err");
  expect(await edges("colours")).toBe("last");
  await expect.poll(() => last("colours").locator(".c-red.bold").innerText()).toBe("red");
  expect(faults).toEqual([]);
  await context.close();
});

test("an address that changes while the page is being drawn is followed", async () => {
  await world.createApp("soon");
  await world.send("soon", [{ message: "hello soon" }]);
  const { page, context } = await world.signedIn("#/apps");
  await page.getByRole("row", { name: /^soon/ }).waitFor();
  // Between the moment at which the page is there and the one at which it listens.
  await context.addInitScript(`
    new MutationObserver((_, observer) => {
      if (document.querySelector(".shell") === null) return;
      observer.disconnect();
      location.hash = "#/apps/soon/log";
    }).observe(document, { childList: true, subtree: true });
  `);
  await page.reload();
  await page.locator(".row", { hasText: "hello soon" }).waitFor();
  await context.close();
});

test("of hundreds of apps two hundred are drawn, and any is found by a part of its name", async () => {
  for (let n = 0; n < 250; n += 10)
    await Promise.all(
      Array.from({ length: 10 }, (_, k) => world.server.createApp(`many-${String(n + k).padStart(3, "0")}`)),
    );
  const { page, faults, context } = await world.signedIn("#/apps/many-249/log");
  const names = page.locator(".app-link .name");
  const count = (await page.evaluate("fetch('/apps').then((got) => got.json())")) as unknown[];
  await expect.poll(() => names.count()).toBe(201);
  expect(await names.last().innerText()).toBe("many-249");
  await page.getByText(`${count.length - 201} more`).waitFor();
  await page.getByRole("link", { name: "All apps" }).click();
  const rows = page.locator("table.apps tbody tr");
  await expect.poll(() => rows.count()).toBe(200);
  await page.getByLabel("Find an app").fill("many-24");
  await expect.poll(() => rows.allInnerTexts()).toHaveLength(10);
  expect(await names.allInnerTexts()).toEqual(Array.from({ length: 10 }, (_, n) => `many-24${n}`));
  expect(await page.getByText("more:").count()).toBe(0);
  expect(faults).toEqual([]);
  await context.close();
});
