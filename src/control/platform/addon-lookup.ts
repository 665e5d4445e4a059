/** Add-ons that a request's key may see. */
import type { FastifyRequest } from "fastify";
import type { Addons } from "../../addons/addons.ts";
import type { Found } from "../../addons/stored-addons.ts";
import { notFound } from "../../errors/access.ts";
import type { Apps } from "../../registry/apps.ts";
import type { AddonRecord } from "../../registry/platform/addon-records.ts";
import type { Principal } from "../../registry/principal.ts";
import type { AppRecord } from "../../registry/records.ts";
import { principalOf } from "../auth.ts";
import type { PublicUrl } from "../public-url.ts";

export type AddonLookup = { readonly addons: Addons; readonly apps: Apps; readonly publicUrl: PublicUrl };

/** The add-on with this id or name, and its app. */
export async function findAddon(
  { addons, apps }: AddonLookup,
  request: FastifyRequest,
  wanted: string,
): Promise<{ readonly app: AppRecord; readonly addon: AddonRecord }> {
  const found = await addonSeenBy(addons, principalOf(request), wanted);
  if (found === undefined) throw notFound("add_on", wanted);
  const app = await apps.get(found.channel);
  if (app === undefined) throw notFound("add_on", wanted);
  return { app, addon: found.addon };
}

/** The add-on with this id or name, if this key may see its app. */
export const addonSeenBy = (
  { stored }: Addons,
  { apps }: Principal,
  wanted: string,
): Promise<Found | undefined> => (apps === "all" ? stored.find(wanted) : stored.findAmong(apps, wanted));
