/** The operator's count of apps. */
import { expect, test } from "vitest";
import { appsCounted } from "../../src/metrics.ts";
import { AppCensus } from "../../src/registry/app-census.ts";
import { TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";

const everyMs = 60_000;
const shown = async () => (await appsCounted.get()).values[0]?.value;

test("apps are counted at once and then every minute; those that are being destroyed are none", async () => {
  const clock = new FakeClock();
  const registry = await TestRegistry.open({ clock });
  const noted: string[] = [];
  const failures = { note: (_: string, __: unknown, message: string) => noted.push(message) };
  let isFailing = false;
  const apps = {
    count: async () => {
      if (isFailing) throw new Error("away");
      return registry.apps.count();
    },
  };
  await registry.apps.create("one");
  const { id } = await registry.apps.create("two");
  const census = new AppCensus({ apps, clock, failures, everyMs });
  await expect.poll(shown).toBe(2);
  await registry.apps.destroy(id);
  await clock.advance(everyMs);
  await expect.poll(shown).toBe(1);

  isFailing = true;
  await clock.advance(everyMs);
  expect(noted).toEqual(["the apps could not be counted; it is tried again"]);
  expect(await shown()).toBe(1);
  await census.close();
});
