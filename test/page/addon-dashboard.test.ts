/** The way of a real browser from an add-on's `web_url` to its provider's dashboard. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AddonProvider } from "../support/addon-provider.ts";
import { testKey } from "../support/server.ts";
import { PageWorld } from "./page-world.ts";

let provider: AddonProvider;
let folder: string;
let world: PageWorld;
beforeAll(async () => {
  provider = await AddonProvider.open();
  folder = provider.manifests({ papertrail: ["syslog_drain", "PAPERTRAIL_TOKEN"] });
  world = await PageWorld.open(["--addons", folder]);
});
afterAll(async () => {
  await world?.close();
  provider.close();
  rmSync(folder, { recursive: true });
});

test("leads over the sign-in, and posts what signs on, which no address has", async () => {
  await world.createApp("shop");
  const { id, web_url: webUrl } = await world.server.api<{ id: string; web_url: string }>(
    "POST",
    "/apps/shop/addons",
    { plan: "papertrail:x" },
  );
  const { page, context, faults } = await world.window();
  const seen: string[] = [];
  page.on("request", (request) => seen.push(request.url()));
  await page.goto(webUrl);
  await page.getByLabel("API key").fill(testKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${provider.url}/sso`);
  const signOns = () => provider.calls.filter(({ path }) => path.endsWith("/sso"));
  expect(signOns()[0]).toMatchObject({ method: "POST", body: { resource_id: id, app: "shop" } });
  await page.goto(webUrl); // signed in
  await page.waitForURL(`${provider.url}/sso`);
  expect(signOns()).toHaveLength(2);
  for (const { body, headers } of signOns()) {
    expect(headers.referer).toBeUndefined();
    for (const secret of [body.token, body.resource_token, body.user_scoped_resource_token])
      expect(seen.join(" ")).not.toContain(secret);
  }
  expect(faults).toEqual([]);
  await context.close();
});
