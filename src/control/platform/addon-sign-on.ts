/** The form that signs the user of a request on at an add-on's dashboard. */
import type { FastifyRequest } from "fastify";
import type { Addons } from "../../addons/addons.ts";
import { type SignOn, signOnOf } from "../../addons/single-sign-on.ts";
import { keyReadOnly } from "../../errors/access.ts";
import { addonHasNoDashboard } from "../../errors/addons.ts";
import type { Clock } from "../../ports.ts";
import type { AddonRecord } from "../../registry/platform/addon-records.ts";
import type { AppRecord } from "../../registry/records.ts";
import { principalOf } from "../auth.ts";
import { requester } from "./platform-lines.ts";

export type AddonSignOnDeps = { readonly addons: Addons; readonly clock: Pick<Clock, "nowMs"> };

/** Throws if the key only reads, or if the service has no dashboard. */
export function signOnBy(
  request: FastifyRequest,
  { addons, clock }: AddonSignOnDeps,
  app: AppRecord,
  addon: AddonRecord,
): SignOn {
  if (principalOf(request).readOnly) throw keyReadOnly();
  const manifest = addons.manifest(addon.service);
  const found = signOnOf(manifest, app, addon, requester(request), clock.nowMs());
  if (found === undefined) throw addonHasNoDashboard(addon.service);
  return found;
}
