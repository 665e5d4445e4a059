/** Finds the principal by a request's credentials, and the apps that it may see and change. */
import type { FastifyRequest } from "fastify";
import {
  configForWriters,
  keyOfSomeApps,
  keyReadOnly,
  notFound,
  tokensForWriters,
  unauthorized,
} from "../errors/access.ts";
import type { Apps } from "../registry/apps.ts";
import type { Keys } from "../registry/keys.ts";
import { maySee, type Principal } from "../registry/principal.ts";
import type { AppRecord } from "../registry/records.ts";
import { type BrowserDeps, principalOfBrowser } from "./browser.ts";

const principalKey = "principal";
const appKey = "app";
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The principal of a request, after `authenticate`. */
export const principalOf = (request: FastifyRequest): Principal =>
  request.getDecorator<Principal>(principalKey);

/** Declares the properties that this file sets on requests. Call it once per server. */
export const decorateRequests = (server: { decorateRequest(name: string, value: null): unknown }): void => {
  server.decorateRequest(principalKey, null);
  server.decorateRequest(appKey, null);
};

/**
 * Finds the principal by the request's key or, with `browser` and no key, by the cookie of a signed-in browser. Throws
 * `unauthorized` if neither is valid.
 */
export async function authenticate(
  request: FastifyRequest,
  keys: Keys,
  browser?: BrowserDeps,
): Promise<Principal> {
  const { authorization } = request.headers;
  const secret = secretIn(authorization);
  let principal = secret === undefined ? undefined : await keys.authenticate(secret);
  if (authorization === undefined && browser) principal = await principalOfBrowser(request, browser);
  if (principal === undefined) throw unauthorized();
  request.setDecorator(principalKey, principal);
  return principal;
}

/** The key in `Bearer KEY` or `Basic base64(ANYTHING:KEY)`; undefined for anything else. */
export function secretIn(authorization: string | undefined): string | undefined {
  const [scheme, credentials, ...more] = authorization?.trim().split(/ +/) ?? [];
  if (credentials === undefined || more.length > 0) return undefined;
  if (/^bearer$/i.test(scheme!)) return credentials;
  if (!/^basic$/i.test(scheme!) || !base64.test(credentials)) return undefined;
  const [, ...password] = Buffer.from(credentials, "base64").toString().split(":");
  return password.length === 0 ? undefined : password.join(":");
}

/**
 * The app with this name or id, if this key may see it. Otherwise throws `notFound`, and takes the same time whether or
 * not the app exists, because that is decided before its record is read.
 */
export async function appToSee(apps: Apps, principal: Principal, idOrName: string): Promise<AppRecord> {
  const id = await apps.idOf(idOrName);
  const app = id === undefined || !maySee(principal, id) ? undefined : await apps.get(id);
  if (app === undefined) throw notFound("app", idOrName);
  return app;
}

/** `appToSee` for a change. A key that only reads is told so, since it may see the app. */
export async function appToManage(apps: Apps, principal: Principal, idOrName: string): Promise<AppRecord> {
  const app = await appToSee(apps, principal, idOrName);
  if (principal.readOnly) throw keyReadOnly();
  return app;
}

/** `appToSee` for the app's tokens, which give the right to write. */
export async function appOfTokens(apps: Apps, principal: Principal, idOrName: string): Promise<AppRecord> {
  const app = await appToSee(apps, principal, idOrName);
  if (principal.readOnly) throw tokensForWriters();
  return app;
}

/** Finds the app in the path before anything else in the request is looked at. */
export async function findApp(request: FastifyRequest, apps: Apps): Promise<void> {
  const { app } = request.params as { app?: string };
  if (app !== undefined) request.setDecorator(appKey, await appToSee(apps, principalOf(request), app));
}

/** The app in the path, for reading. Call it after `findApp`. */
export const appOf = (request: FastifyRequest): AppRecord => request.getDecorator<AppRecord>(appKey);

/** The app in the path, for changing. */
export function managedAppOf(request: FastifyRequest): AppRecord {
  if (principalOf(request).readOnly) throw keyReadOnly();
  return appOf(request);
}

/** The app in the path, for its config vars, which only keys that change it may see. */
export function appOfConfig(request: FastifyRequest): AppRecord {
  if (principalOf(request).readOnly) throw configForWriters();
  return appOf(request);
}

/** Guards calls that are not about one app: for keys of single apps they do not exist. */
export async function managesAll(request: FastifyRequest): Promise<void> {
  const principal = principalOf(request);
  if (principal.apps !== "all") throw keyOfSomeApps();
  if (principal.readOnly) throw keyReadOnly();
}
