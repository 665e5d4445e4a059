/** An app at a glance, and the pages of the API: in a real browser. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { PageWorld } from "./page-world.ts";
import { sampleLines } from "./sample-lines.ts";

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
  await world.createApp("todo");
  const { app, heroku } = sampleLines(Date.now(), 20);
  await world.sendInOrder("todo", { app, heroku });
});
afterAll(() => world?.close());

test("releases stand on the time line of every chart, and lead to their line", async () => {
  const { page, faults, context } = await world.signedIn("#/apps/todo/glance");
  const release = page.getByRole("link", { name: /Release v41/ });
  await release.waitFor();
  // A line of the colour of text over the plot, from top to bottom, in each chart.
  const across = () =>
    page.evaluate(`[...document.querySelectorAll(".panel canvas")].map((canvas) => {
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      let most = 0;
      for (let x = 0; x < width; x++) {
        let dark = 0;
        for (let y = 0; y < height; y++) {
          const at = 4 * (y * width + x);
          const [r, g, b, a] = data.subarray(at, at + 4);
          if (a > 200 && Math.max(r, g, b) < 140 && Math.max(r, g, b) - Math.min(r, g, b) < 30) dark++;
        }
        most = Math.max(most, dark / height);
      }
      return most > 0.3;
    })`);
  await expect.poll(across).toEqual([true, true, true, true]);
  await release.click();
  await page.locator(".row.selected", { hasText: "Release v41" }).waitFor();
  expect(faults).toEqual([]);
  await context.close();
});

test("a change between light and dark finds no chart that has left its page", async () => {
  const { page, faults, context } = await world.signedIn("#/apps/todo/glance");
  for (const tab of ["glance", "drains", "log", "drains", "glance", "log"]) {
    await page.goto(`${world.server.url}/#/apps/todo/${tab}`);
    await page
      .locator(tab === "drains" ? "main" : "canvas")
      .first()
      .waitFor();
    for (const colorScheme of ["dark", "light"] as const) await page.emulateMedia({ colorScheme });
  }
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
  expect(faults).toEqual([]);
  await context.close();
});

test("a stretch of a chart leads to its lines, and to no others", async () => {
  const { page, context } = await world.signedIn("#/apps/todo/glance");
  const errors = page.locator(".panel", { hasText: "Errors and releases" }).locator(".u-over");
  await errors.waitFor();
  const { x, y, width, height } = (await errors.boundingBox())!;
  await page.mouse.move(x + 0.3 * width, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + 0.5 * width, y + height / 2, { steps: 4 });
  await page.mouse.up();
  await page.locator(".range").waitFor();
  await page.locator(".row.err").first().waitFor();
  expect(page.url()).toMatch(/level=error.*from=.*to=/);
  await expect.poll(() => page.locator(".row:not(.err)").count()).toBe(0);
  await context.close();
});

test("the pages of the API load with nothing from elsewhere and nothing that their policy forbids", async () => {
  const { page, faults, context } = await world.signedIn("#/apps");
  const foreign: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(world.server.url) && !request.url().startsWith("data:"))
      foreign.push(request.url());
  });
  await page.goto(`${world.server.url}/docs/`);
  await page.getByText("/apps/{app}/log-histogram").waitFor();
  expect(faults).toEqual([]);
  expect(foreign).toEqual([]);
  await context.close();
});

test("a chart of memory without samples says what would bring them", async () => {
  await world.createApp("quiet");
  await world.sendInOrder("quiet", { app: [{ dyno: "web.1", message: "hello" }] });
  const { page, context } = await world.signedIn("#/apps/quiet/glance");
  await page.locator(".panel", { hasText: "Memory" }).getByText("tailrace up --runtime-metrics").waitFor();
  await context.close();
});
