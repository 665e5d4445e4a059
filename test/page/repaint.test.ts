/** What is painted is what is there: a list that was followed shows the same points when it is painted anew. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PageWorld } from "./page-world.ts";
import { sampleLines } from "./sample-lines.ts";

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.open();
});
afterAll(() => world?.close());

const pairs = 5;
const roundsOfPair = 60;

const long = "long text without end ".repeat(30);
const tagged = (n: number) =>
  `{"msg":"payment failed: card declined","user":{"id":${n % 997},"plan":"pro"},"duration_ms":${n % 911},"tags":["a","b",{"deep":{"x":[1,2,3]}}],"request_id":"r-${n}"}`;

/** Hides the list for two frames, so that all of it is painted once more. */
const paintAnew = (page: Page) =>
  page.evaluate(`(async () => {
    const list = document.querySelector(".list");
    const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    list.style.visibility = "hidden";
    await frames();
    list.style.visibility = "";
    await frames();
  })()`);

test("rows that came while the list was followed are painted as they are, and no point of another row stays", async () => {
  await world.createApp("painted");
  const { app, heroku } = sampleLines(Date.now());
  const lines = [...app, ...heroku].sort((a, b) => a.atMs! - b.atMs!);
  await world.send("painted", lines.slice(0, 1_400));
  const { page, context } = await world.signedIn("#/apps/painted/log");
  await page.locator(".row").first().waitFor();
  const clip = { x: 226, y: 165, width: 1_140, height: 640 };
  const odd: number[] = [];
  await page.waitForTimeout(1_000);
  let next = 1_400;
  for (let pair = 0; pair < pairs; pair++) {
    await page.mouse.move(700, 520); // what is hovered over changes with every line
    for (let round = 0; round < roundsOfPair; round++) {
      const { message, dyno } = lines[next++ % lines.length]!;
      const more = round % 5 === 2 ? long : round % 3 === 1 ? tagged(next) : message;
      const pri = round % 4 === 1 ? 187 : round % 7 === 3 ? 188 : 190;
      await world.send("painted", [{ message: `${more} #${pair}.${round}`, pri, ...(dyno && { dyno }) }]);
      await page.waitForTimeout(85);
    }
    await page.locator(".row", { hasText: `#${pair}.${roundsOfPair - 1}` }).waitFor();
    await page.keyboard.press("f");
    await page.getByText("paused, nothing moves").waitFor();
    await page.mouse.move(5, 5); // what is hovered over would change as the list hides
    await page.waitForTimeout(250); // a last frame of what came before the pause
    const before = await page.screenshot({ clip });
    await paintAnew(page);
    const after = await page.screenshot({ clip });
    if (!before.equals(after)) odd.push(pair);
    await page.keyboard.press("f");
    await page.getByText("live", { exact: true }).waitFor();
  }
  expect(odd).toEqual([]);
  await context.close();
}, 240_000);
