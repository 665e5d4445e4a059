/**
 * The add-ons of all apps, read and put into a client's form in turns of the event loop, once for all requests that ask for
 * them at the same time.
 */
import type { StoredAddons } from "../../addons/stored-addons.ts";
import type { Apps } from "../../registry/apps.ts";
import type { AddonRecord } from "../../registry/platform/addon-records.ts";
import type { AppRecord } from "../../registry/records.ts";
import { shared } from "../../registry/shared.ts";
import { turns } from "../../turns.ts";

type AppAddons = { readonly app: AppRecord; readonly list: readonly AddonRecord[] };

/** Apps that have add-ons, by name. Callers that come while one reading is under way share the next one. */
export function allAddons(
  stored: Pick<StoredAddons, "ofAllApps">,
  apps: Pick<Apps, "list">,
): () => Promise<readonly AppAddons[]> {
  return shared(async () => {
    const found = await stored.ofAllApps();
    return (await apps.list()).flatMap((app) => {
      const list = found.get(app.id);
      return list === undefined ? [] : [{ app, list }];
    });
  });
}

type Made = Map<string, Promise<readonly unknown[]>>;
const made = new WeakMap<object, Made>();

/** The items of what was read: the same ones for all requests with the same `form`. */
export function itemsOf(
  read: readonly AppAddons[],
  form: string,
  itemOf: (app: AppRecord, addon: AddonRecord) => unknown,
): Promise<readonly unknown[]> {
  const forms: Made = made.get(read) ?? new Map();
  made.set(read, forms);
  const items = forms.get(form) ?? makeItems(read, itemOf);
  forms.set(form, items);
  return items;
}

async function makeItems(
  read: readonly AppAddons[],
  itemOf: (app: AppRecord, addon: AddonRecord) => unknown,
): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  for (const { app, list } of read)
    for (const addon of list) {
      items.push(itemOf(app, addon));
      if (turns.isOver) await turns.next("add-ons"); // an item has several hashes
    }
  return items;
}
