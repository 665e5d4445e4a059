/** Drains on the page: one that fails, understood, mended, and what it missed sent again. */
import { rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AddonProvider } from "../support/addon-provider.ts";
import { PageWorld } from "./page-world.ts";

let world: PageWorld;
let provider: AddonProvider;
let manifests: string;
let receiver: Server;
let status = 401;
let received = "";
beforeAll(async () => {
  provider = await AddonProvider.open();
  manifests = provider.manifests({ papertrail: ["syslog_drain", "PAPERTRAIL_TOKEN"] });
  world = await PageWorld.open(["--addons", manifests]);
  receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => {
      body += part;
    });
    request.on("end", () => {
      if (status < 300) received += body;
      response.writeHead(status).end(status < 300 ? "" : "no thanks: token expired");
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  receiver?.closeAllConnections();
  receiver?.close();
  await world?.close();
  provider?.close();
  rmSync(manifests, { recursive: true, force: true });
});

test("a drain is added, found to fail with its cause, tested, paused, mended, replayed and removed", async () => {
  await world.createApp("todo");
  await world.send("todo", [{ message: "before the drain" }]);
  const { page, faults, context } = await world.signedIn("#/apps/todo/drains");
  await page.getByRole("heading", { name: "No drains" }).waitFor();
  await page.getByRole("button", { name: "Add a drain" }).click();
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/in`;
  await page.getByRole("textbox", { name: "URL" }).fill(url);
  await page.getByRole("button", { name: "Add the drain" }).click();
  await page.getByRole("alert").filter({ hasText: "401" }).waitFor(); // the test line was not taken
  await page.getByLabel(/Send a test line first/).uncheck();
  await page.getByRole("button", { name: "Add the drain" }).click();
  const card = page.getByRole("article");
  await card.waitFor();

  await world.send("todo", [{ message: "one" }, { message: "two" }]);
  await card.getByText("retrying", { exact: true }).waitFor();
  await expect
    .poll(() => card.locator(".why").innerText())
    .toMatch(
      /answered 401 \("no thanks: token expired"\)\.\s+Check[^.]*credentials[\s\S]*2 lines wait[\s\S]*Nothing is lost/i,
    );
  await card.getByRole("button", { name: "Test" }).click();
  await card.getByText("It did not take a test line.").waitFor();

  await card.getByRole("button", { name: "Pause" }).click();
  await card.getByText("paused", { exact: true }).waitFor();
  status = 204;
  await card.getByRole("button", { name: "Change" }).click();
  await card.getByLabel("Headers, one a line").fill("Authorization: Bearer new");
  await card.getByRole("button", { name: "Save" }).click();
  await card.getByText("It took a test line.").waitFor(); // of the drain as it is now
  await card.getByRole("button", { name: "Resume" }).click();
  await card.getByText("idle, nothing waits").waitFor();
  await expect
    .poll(() =>
      card
        .getByRole("row", { name: /delivered/ })
        .first()
        .innerText(),
    )
    .toMatch(/2$/);
  await expect.poll(() => card.getByRole("row", { name: /accepted/ }).innerText()).toMatch(/2$/);

  expect(received).not.toContain("before the drain");
  await card.getByText(/^Well since .* Before that, .* answered 401 .*token expired"\)\.$/).waitFor();
  await card.getByRole("button", { name: "Replay" }).click();
  await card.getByText("It goes through 3 lines.").waitFor();
  const since = card.getByLabel("Lines since");
  await since.fill("soon");
  await card.getByRole("button", { name: "Replay" }).first().click();
  await card.getByRole("alert").filter({ hasText: "“soon” is no time. Write one as 10m" }).waitFor();
  await since.fill("yesterday 14:30");
  await card.getByText("It goes through 3 lines.").waitFor();
  await card.getByRole("button", { name: "Replay" }).first().click();
  await card.getByText("sent once more by a replay").waitFor();
  await card.getByText(/^The replay of lines since .* is done: 3 lines sent\./).waitFor();
  await expect.poll(() => received).toContain("before the drain");
  await card.getByRole("button", { name: "Change" }).click();
  await card.getByLabel("Only processes").fill("web");
  await card.getByRole("button", { name: "Save" }).click();
  await card.getByRole("heading", { name: "Change this drain" }).waitFor({ state: "hidden" });
  expect(await card.getByRole("button", { name: "Testing" }).count()).toBe(0); // the destination is the same
  expect(received.match(/This is a test line/g)).toHaveLength(1);

  await card.getByRole("button", { name: "Remove" }).click();
  await card.getByRole("button", { name: "Keep it" }).click();
  await card.getByRole("button", { name: "Remove" }).click();
  await card.getByRole("button", { name: "Remove it" }).click();
  await page.getByRole("heading", { name: "No drains" }).waitFor();
  expect(faults).toEqual([]);
  await context.close();
});

test("lines that a receiver refuses lead to the notice that tells of them", async () => {
  status = 422;
  await world.createApp("refusing");
  const port = (receiver.address() as AddressInfo).port;
  await world.server.api("POST", "/apps/refusing/log-drains", { url: `http://127.0.0.1:${port}/in` });
  await world.send("refusing", [{ message: "nobody wants this" }]);
  const { page, faults, context } = await world.signedIn("#/apps/refusing/drains");
  await page
    .getByRole("row", { name: /refused/ })
    .getByRole("link")
    .click();
  await page.locator(".row", { hasText: "Error L13 (messages refused)" }).waitFor();
  expect(faults).toEqual([]);
  await context.close();
});

test.each([
  [1_400, 900],
  [390, 844],
])(
  "at %i x %i pixels every card is as high as what it says, and the page scrolls",
  async (width, height) => {
    const app = `cards-${width}`;
    status = 204;
    await world.createApp(app);
    const port = (receiver.address() as AddressInfo).port;
    for (const url of ["http://127.0.0.1:9/refused", `http://127.0.0.1:${port}/taken`])
      await world.server.api("POST", `/apps/${app}/log-drains`, { url });
    await world.send(app, [{ message: "one" }, { message: "two" }]);
    const { page, faults, context } = await world.signedIn(`#/apps/${app}/drains`, { width, height });
    await page.getByText("retrying", { exact: true }).waitFor();
    await page.getByText("idle, nothing waits").waitFor();
    const cards = page.getByRole("article");
    await expect.poll(() => cards.count()).toBe(2);
    await expectWhole(page);

    await cards.first().getByRole("button", { name: "Replay" }).click();
    const form = cards.first().getByRole("heading", { name: "Send lines once more" });
    await form.waitFor();
    await expectWhole(page);
    const addDrain = page.getByRole("button", { name: "Add a drain" });
    await addDrain.scrollIntoViewIfNeeded();
    const { y, height: buttonHeight } = (await addDrain.boundingBox())!;
    expect(y + buttonHeight).toBeLessThanOrEqual(height);
    expect(faults).toEqual([]);
    await context.close();
  },
  60_000,
);

/** No card hides a part of what it says, and the last thing in it ends within it. */
async function expectWhole(page: Page): Promise<void> {
  const cards = (await page.evaluate(`[...document.querySelectorAll("article.card")].map((card) => ({
    hidden: card.scrollHeight - card.clientHeight,
    below: card.lastElementChild.getBoundingClientRect().bottom - card.getBoundingClientRect().bottom,
  }))`)) as { hidden: number; below: number }[];
  for (const { hidden, below } of cards) {
    expect(hidden).toBe(0);
    expect(below).toBeLessThanOrEqual(0);
  }
}

test("a drain that waits for its next try is tried at once by a button, and its pace is nothing until then", async () => {
  status = 503;
  await world.createApp("waiting");
  const port = (receiver.address() as AddressInfo).port;
  await world.server.api("POST", "/apps/waiting/log-drains", { url: `http://127.0.0.1:${port}/in` });
  await world.send("waiting", [{ message: "soon" }]);
  const { page, faults, context } = await world.signedIn("#/apps/waiting/drains");
  const tryNow = page.getByRole("button", { name: "Try now" });
  await tryNow.waitFor();
  await page.getByText("nothing sent yet").waitFor();
  status = 204;
  await tryNow.click();
  await page.getByText("idle, nothing waits").waitFor();
  expect(faults).toEqual([]);
  await context.close();
});

test("the drain of an add-on says whose it is: its URL is its provider's, and it is not removed alone", async () => {
  await world.createApp("logged");
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/add-on`;
  provider.answers = [{ status: 200, body: { id: "1", log_drain_url: url } }];
  await world.server.api("POST", "/apps/logged/addons", { plan: "papertrail", name: "logs-1" });
  const { page, faults, context } = await world.signedIn("#/apps/logged/drains");
  const card = page.getByRole("article");
  await card.getByText(/^add-on logs-1 · logplex · since /).waitFor();
  await card.getByText("It is removed with its add-on.").waitFor();
  expect(await card.getByRole("button", { name: "Remove" }).count()).toBe(0);
  await card.getByRole("button", { name: "Change" }).click();
  const field = card.getByRole("textbox", { name: "URL, which the provider of logs-1 sets" });
  expect(await field.getAttribute("readonly")).not.toBeNull();
  await card.getByLabel("Compress with gzip").check();
  await card.getByRole("button", { name: "Save" }).click();
  await card.getByText(/^add-on logs-1 · logplex · gzip · since /).waitFor();
  expect(faults).toEqual([]);
  await context.close();
});
