/** Single sign-on at a provider's dashboard (Heroku's "Add-on Single Sign-on"): a form that the user's browser posts. */
import { hash } from "node:crypto";
import type { AddonRecord } from "../registry/platform/addon-records.ts";
import type { User } from "../registry/platform/platforms.ts";
import type { AppRecord } from "../registry/records.ts";
import type { Manifest } from "./manifest.ts";

export type SignOn = {
  readonly method: "post";
  readonly action: string;
  readonly params: Readonly<Record<string, string>>;
};

/** Undefined if the manifest names no dashboard. Valid for as long as the provider accepts the timestamp: minutes. */
export function signOnOf(
  { ssoUrl, ssoSalt }: Manifest,
  app: AppRecord,
  addon: AddonRecord,
  user: User,
  nowMs: number,
): SignOn | undefined {
  if (ssoUrl === undefined || ssoSalt === undefined) return undefined;
  const timestamp = String(Math.floor(nowMs / 1000));
  const id = addon.providerId ?? addon.id;
  const nav = { addon: addon.name, appname: app.name, addons: [] };
  return {
    method: "post",
    action: ssoUrl,
    params: {
      email: user.email,
      user_id: user.id,
      app: app.name,
      context_app: app.name,
      timestamp,
      "nav-data": Buffer.from(JSON.stringify(nav)).toString("base64"),
      id,
      token: hash("sha1", `${id}:${ssoSalt}:${timestamp}`),
      resource_id: addon.id,
      resource_token: hash("sha1", `${addon.id}:${ssoSalt}:${timestamp}`),
      user_scoped_resource_token: hash(
        "sha256",
        `${addon.id}:${ssoSalt}:${timestamp}:${user.id}:${user.email}`,
      ),
    },
  };
}
