/** One name, wanted by many add-ons at once, on however many nodes: one has it, until it goes or was not made. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AddonNames } from "../../src/addons/addon-names.ts";
import { Addons } from "../../src/addons/addons.ts";
import type { Manifest } from "../../src/addons/manifest.ts";
import { nothingSaid } from "../../src/addons/provider.ts";
import { platformParts } from "../../src/control/platform/platform-parts.ts";
import { newChannelId } from "../../src/core/ids.ts";
import { addonNameKey, addonsKey } from "../../src/core/records/record-keys.ts";
import { addonProviderFails } from "../../src/errors/addons.ts";
import type { AppError } from "../../src/errors/app-error.ts";
import type { AddonNameRecord, AddonsRecord } from "../../src/registry/platform/addon-records.ts";
import { engines, type Nodes } from "../registry/nodes.ts";
import { TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";

const user = { id: "user", email: "user@example.com" };
const places = { callbackUrl: () => "", inputUrl: () => "" };
const redis = { id: "redis", name: "Redis", requires: [] as const } as unknown as Manifest;
let isRefusing = false;
beforeEach(() => {
  isRefusing = false;
});

function addonsOf(registry: TestRegistry): Addons {
  const parts = platformParts({
    ...registry,
    logger: { warn: () => {} },
    watchesRunners: false,
    append: async () => {},
  });
  const provision = async () => {
    await new Promise(setImmediate);
    if (isRefusing) throw addonProviderFails("redis", "it is played");
    return nothingSaid;
  };
  const provider = { provision, changePlan: async () => nothingSaid, deprovision: async () => {} };
  return new Addons({ ...registry, ...parts, provider, manifests: new Map([["redis", redis]]) });
}
const wanted = (name: string | undefined) => ({ service: "redis", plan: "x", name, options: {} });
const codeOf = (failure: unknown) => (failure as AppError).code;

describe.each(Object.entries(engines))("over %s", (_, open) => {
  let opened: Nodes;
  let addons: readonly Addons[];
  let names = 0;
  beforeAll(async () => {
    opened = await open();
    addons = opened.nodes.map(addonsOf);
  });
  afterAll(() => opened.close());
  const newApp = () => opened.nodes[0].apps.create(`app-${names++}`);
  const claimOf = (name: string) => opened.nodes[1].store.get<AddonNameRecord>(addonNameKey(name));

  test("one of twenty add-ons of twenty apps with one name is made", async () => {
    const apps = await Promise.all(Array.from({ length: 20 }, newApp));
    const settled = await Promise.allSettled(
      apps.map((app, n) => addons[n % 2]!.create(app, wanted("same"), user, places)),
    );
    const refused = settled.flatMap((one) => (one.status === "rejected" ? [codeOf(one.reason)] : []));
    expect(refused).toEqual(Array(19).fill("ADDON_NAME_TAKEN"));
    const lists = await Promise.all(apps.map(({ id }) => addons[0]!.stored.list(id)));
    const [made, ...others] = lists.flat();
    expect(others).toEqual([]);
    expect((await claimOf("same"))?.value).toEqual({
      channel: apps[lists.findIndex((list) => list.length)]!.id,
      id: made!.id,
    });
  });

  test("a name is free again when its add-on goes, its app goes, or it was not made", async () => {
    const app = await newApp();
    const other = await newApp();
    const made = await addons[0]!.create(app, wanted("again"), user, places);
    await expect(addons[1]!.create(other, wanted("again"), user, places)).rejects.toThrow("already");
    await addons[1]!.destroy(app.id, made, user, false);
    expect(await claimOf("again")).toBeUndefined();

    isRefusing = true;
    await expect(addons[0]!.create(app, wanted("again"), user, places)).rejects.toThrow("played");
    expect(await claimOf("again")).toBeUndefined();

    isRefusing = false;
    await addons[0]!.create(app, wanted("again"), user, places);
    await addons[1]!.destroyAll(app.id, user);
    expect(await claimOf("again")).toBeUndefined();
    await addons[1]!.create(other, wanted("again"), user, places);
  });
});

describe("a claimed name", () => {
  async function rig() {
    const clock = new FakeClock();
    const registry = await TestRegistry.open({ clock });
    const names = new AddonNames({ ...registry, find: async (name) => (name === "of-0.1" ? {} : undefined) });
    const owner = (id: string) => ({ channel: newChannelId(), id });
    return { clock, registry, names, owner };
  }

  test("whose maker died is given to whoever asks a minute later, and a maker that only stood still is told so", async () => {
    const { clock, registry, names, owner } = await rig();
    const slow = owner("slow");
    await names.claim("db", slow);
    await expect(names.claim("db", owner("next"))).rejects.toThrow("already");
    await clock.advance(60_000);
    const next = owner("next");
    await names.claim("db", next);
    await expect(names.confirm("db", slow)).rejects.toThrow("already");
    await names.drop("db", slow.id);
    await names.confirm("db", next);
    await registry.close();
  });

  test("is held while its add-on is there, and not beyond, whatever a crash left of it", async () => {
    const { clock, registry, names, owner } = await rig();
    const first = owner("first");
    await names.claim("db", first);
    const record = { addons: [{ id: "first", name: "db" }] } as unknown as AddonsRecord;
    const revision = await registry.store.put(addonsKey(first.channel), record, 0);
    await names.confirm("db", first);
    await clock.advance(600_000);
    await expect(names.claim("db", owner("second"))).rejects.toThrow("already");
    await registry.store.put(addonsKey(first.channel), undefined, revision!);
    await names.claim("db", owner("second"));
    await registry.close();
  });

  test("is not that of an add-on from before names were claimed", async () => {
    const { registry, names, owner } = await rig();
    await expect(names.claim("of-0.1", owner("new"))).rejects.toThrow("already");
    expect(await registry.store.get(addonNameKey("of-0.1"))).toBeUndefined();
    await registry.close();
  });
});
