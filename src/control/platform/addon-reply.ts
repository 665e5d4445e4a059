/** Add-ons, attachments, plans and services in the form that Heroku's clients read. */

import type { Manifest } from "../../addons/manifest.ts";
import { attachmentName } from "../../addons/stored-addons.ts";
import type { AddonRecord } from "../../registry/platform/addon-records.ts";
import type { AppRecord, DrainRecord } from "../../registry/records.ts";
import { appRef, arrayOf, count, flag, object, optionalText, text, time, uuid } from "../schemas.ts";
import { derivedId } from "./formation.ts";

const serviceRef = object({ id: uuid, name: text });
const price = object({ cents: count, contract: flag, metered: flag, unit: text });
export const planReply = object({
  id: uuid,
  name: text,
  human_name: text,
  description: text,
  default: flag,
  price,
});
export const addonReply = object({
  id: uuid,
  name: text,
  state: { ...text, enum: ["provisioning", "provisioned", "deprovisioning", "deprovisioned"] },
  app: appRef,
  billing_entity: object({ id: uuid, name: text, type: text }),
  addon_service: object({ id: uuid, name: text, human_name: text }),
  plan: planReply,
  billed_price: price,
  config_vars: arrayOf(text),
  provision_message: optionalText,
  provider_id: optionalText,
  web_url: optionalText,
  actions: { type: "array", items: object({}) },
  created_at: time,
  updated_at: time,
});
export const attachmentReply = object({
  id: uuid,
  name: text,
  app: appRef,
  addon: object({ id: uuid, name: text, app: appRef, plan: serviceRef }),
  config_vars: arrayOf(text),
  namespace: optionalText,
  web_url: optionalText,
  created_at: time,
  updated_at: time,
});
export const serviceReply = object({
  id: uuid,
  name: text,
  human_name: text,
  state: text,
  cli_plugin_name: optionalText,
  supports_multiple_installations: flag,
  supports_sharing: flag,
});
export const addonPath = object({ app: { ...text, description: "name or id" }, addon: text });
export const tags = ["Add-ons"];
const free = { cents: 0, contract: false, metered: false, unit: "month" };

export const planOf = (service: string, plan: string) => ({
  id: derivedId(service, plan),
  name: `${service}:${plan}`,
  human_name: plan,
  description: `${service} ${plan}`,
  default: plan === defaultPlan,
  price: free,
});
export const defaultPlan = "default";

export const serviceOf = ({ id, name }: Manifest) => ({
  id: derivedId("service", id),
  name: id,
  human_name: name,
  state: "ga",
  cli_plugin_name: null,
  supports_multiple_installations: true,
  supports_sharing: false,
});

/** The page that signs a browser on at the add-on's dashboard, in terms the client can reach: see `addonSignOn`. */
const webUrlOf = (base: string, { id }: AddonRecord): string => `${base}/addons/${id}/sso`;

/** `base`: of the URLs that are given out, without a trailing slash. */
export const addonOf = (
  base: string,
  { id, name }: AppRecord,
  addon: AddonRecord,
  state?: "deprovisioned",
) => ({
  id: addon.id,
  name: addon.name,
  state: state ?? (addon.state === "asked" ? "provisioning" : addon.state),
  app: { id, name },
  billing_entity: { id, name, type: "app" },
  addon_service: { id: derivedId("service", addon.service), name: addon.service, human_name: addon.service },
  plan: planOf(addon.service, addon.plan),
  billed_price: free,
  config_vars: addon.configVars,
  provision_message: addon.message ?? null,
  provider_id: addon.providerId ?? null,
  web_url: webUrlOf(base, addon),
  actions: [],
  created_at: addon.createdAt,
  updated_at: addon.updatedAt,
});

export const attachmentOf = (base: string, { id, name }: AppRecord, addon: AddonRecord) => ({
  id: derivedId(addon.id, "attachment"),
  name: attachmentName(addon.service),
  app: { id, name },
  addon: {
    id: addon.id,
    name: addon.name,
    app: { id, name },
    plan: { id: derivedId(addon.service, addon.plan), name: `${addon.service}:${addon.plan}` },
  },
  config_vars: addon.configVars,
  namespace: null,
  web_url: webUrlOf(base, addon),
  created_at: addon.createdAt,
  updated_at: addon.updatedAt,
});

/** The rest of a longer name is left out; the provider says whether it has such a plan. */
const planCharsMax = 200;

/** `SERVICE:PLAN`, or a service with its default plan. */
export function planIn(words: string): { readonly service: string; readonly plan: string } {
  const [service = "", ...plan] = words.slice(0, planCharsMax).split(":");
  return { service, plan: plan.join(":") || defaultPlan };
}

/** The form that a browser posts to a dashboard. */
export const signOnReply = object({
  method: text,
  action: text,
  params: { type: "object", additionalProperties: text },
});

export const addonConfigReply = arrayOf(object({ name: text, value: text }));
export const addonConfigOf = (config: ReadonlyMap<string, string>) =>
  [...config].map(([name, value]) => ({ name, value }));

/** A drain as its provider sees it. */
export const addonDrainReply = object({
  id: uuid,
  url: text,
  token: text,
  addon: object({ id: uuid, name: text, app: appRef }, { nullable: true }),
  app: appRef,
  created_at: time,
  updated_at: time,
});

export const addonDrainOf = ({ id, name }: AppRecord, drain: DrainRecord) => ({
  id: drain.id,
  url: drain.url ?? "",
  token: drain.token,
  addon: drain.addon ? { ...drain.addon, app: { id, name } } : null,
  app: { id, name },
  created_at: drain.createdAt,
  updated_at: drain.updatedAt,
});
