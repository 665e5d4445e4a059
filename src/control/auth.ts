/** Finds the principal by the credentials of a request, and the apps that it may see and change. */
import type { FastifyRequest } from "fastify";
import { keyOfSomeApps, keyReadOnly, notFound, tokensForWriters, unauthorized } from "../errors/access.ts";
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

/** The names under which a server has to decorate its requests, once. */
export const decorateRequests = (server: { decorateRequest(name: string, value: null): unknown }): void => {
  server.decorateRequest(principalKey, null);
  server.decorateRequest(appKey, null);
};

/**
 * Finds the principal: by the key of the request, or with `browser`, where it has none, by the cookie of somebody who is
 * signed in. Throws `unauthorized` when nobody is either.
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

/** The key in `Bearer KEY` or `Basic base64(ANYTHING:KEY)`; undefined in anything else. */
export function secretIn(authorization: string | undefined): string | undefined {
  const [scheme, credentials, ...more] = authorization?.trim().split(/ +/) ?? [];
  if (credentials === undefined || more.length > 0) return undefined;
  if (/^bearer$/i.test(scheme!)) return credentials;
  if (!/^basic$/i.test(scheme!) || !base64.test(credentials)) return undefined;
  const [, ...password] = Buffer.from(credentials, "base64").toString().split(":");
  return password.length === 0 ? undefined : password.join(":");
}

/**
 * The app of that name or id, if this key may see it. Otherwise `notFound`, in the same time whether it exists or not:
 * that is decided before its record is read.
 */
export async function appToSee(apps: Apps, principal: Principal, idOrName: string): Promise<AppRecord> {
  const id = await apps.idOf(idOrName);
  const app = id === undefined || !maySee(principal, id) ? undefined : await apps.get(id);
  if (app === undefined) throw notFound("app", idOrName);
  return app;
}

/** `appToSee` for a change. A key that only reads is told so, as it may see the app. */
export async function appToManage(apps: Apps, principal: Principal, idOrName: string): Promise<AppRecord> {
  const app = await appToSee(apps, principal, idOrName);
  if (principal.readOnly) throw keyReadOnly();
  return app;
}

/** `appToSee` for its tokens, which are rights to write. */
export async function appOfTokens(apps: Apps, principal: Principal, idOrName: string): Promise<AppRecord> {
  const app = await appToSee(apps, principal, idOrName);
  if (principal.readOnly) throw tokensForWriters();
  return app;
}

/** Finds the app that the path names, before anything else of the request is looked at. */
export async function findApp(request: FastifyRequest, apps: Apps): Promise<void> {
  const { app } = request.params as { app?: string };
  if (app !== undefined) request.setDecorator(appKey, await appToSee(apps, principalOf(request), app));
}

/** The app that the path names, to be read; after `findApp`. */
export const appOf = (request: FastifyRequest): AppRecord => request.getDecorator<AppRecord>(appKey);

/** The app that the path names, to be changed. */
export function managedAppOf(request: FastifyRequest): AppRecord {
  if (principalOf(request).readOnly) throw keyReadOnly();
  return appOf(request);
}

/** Guards calls that are about no app in particular: for keys of single apps they do not exist. */
export async function managesAll(request: FastifyRequest): Promise<void> {
  const principal = principalOf(request);
  if (principal.apps !== "all") throw keyOfSomeApps();
  if (principal.readOnly) throw keyReadOnly();
}
