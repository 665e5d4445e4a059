/**
 * Requests from signed-in browsers: whose they are, and that they come from our own page. No other site can send one
 * (the cookie, `Sec-Fetch-Site` and `Origin` prevent it), or reach this server under its own name (`Host`).
 */
import type { FastifyRequest } from "fastify";
import ipaddr from "ipaddr.js";
import { hostForeign, siteForeign } from "../errors/web.ts";
import type { Principal } from "../registry/principal.ts";
import type { WebSessions } from "../registry/web-sessions.ts";
import type { PublicUrl } from "./public-url.ts";

export type BrowserDeps = {
  readonly webSessions: WebSessions;
  /** The base of every URL that is given out; undefined: the request's `Host`. */
  readonly publicUrl: PublicUrl;
};

/** Over TLS, the `__Host-` prefix makes the browser restrict the cookie to this host, to `/` and to TLS. */
const names = { plain: "tailrace", secure: "__Host-tailrace" } as const;

/** True if the browser speaks TLS, with us or with a proxy in front of us. */
export const isSecure = (request: FastifyRequest, publicUrl: PublicUrl): boolean =>
  request.protocol === "https" ||
  (publicUrl?.startsWith("https:") === true && sameHost(request, new URL(publicUrl).host));

/** The `Set-Cookie` that signs in for `maxAgeS` seconds, or signs out (0). */
export function cookieOf(secret: string, { secure, maxAgeS }: { secure: boolean; maxAgeS: number }): string {
  const name = secure ? names.secure : names.plain;
  return `${name}=${secret}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;
}

/** The secret in the request's cookie; undefined if it has none of ours. */
export function secretInCookie(request: FastifyRequest, publicUrl: PublicUrl): string | undefined {
  const wanted = isSecure(request, publicUrl) ? names.secure : names.plain;
  for (const pair of request.headers.cookie?.split(";") ?? []) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === wanted && value !== undefined && value !== "") return value;
  }
  return undefined;
}

/** The principal of a signed-in browser; undefined without a valid cookie. Throws if another site sent the request. */
export async function principalOfBrowser(
  request: FastifyRequest,
  { webSessions, publicUrl }: BrowserDeps,
): Promise<Principal | undefined> {
  const secret = secretInCookie(request, publicUrl);
  if (secret === undefined) return undefined;
  refuseForeignHost(request, publicUrl);
  refuseForeignSite(request);
  return (await webSessions.find(secret))?.principal;
}

/**
 * A name that resolves to this server need not be ours (DNS rebinding): that site's pages could then read what is here.
 * IP addresses and localhost belong to no site, and the public URL's name is ours.
 */
export function refuseForeignHost(request: FastifyRequest, publicUrl: PublicUrl): void {
  if (!URL.canParse(`http://${request.host}`)) throw hostForeign();
  const name = new URL(`http://${request.host}`).hostname;
  const isNobodys = name === "localhost" || name.endsWith(".localhost") || ipaddr.isValid(bare(name));
  if (!isNobodys && !(publicUrl !== undefined && new URL(publicUrl).hostname === name)) throw hostForeign();
}

/** Every browser says where a request comes from, and none lets a page fake that. */
export function refuseForeignSite(request: FastifyRequest): void {
  const isRead = request.method === "GET" || request.method === "HEAD";
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) {
    if (site === "same-origin" || (isRead && site === "none")) return; // none: typed, or a bookmark
    throw siteForeign();
  }
  const { origin } = request.headers; // browsers leave out Sec-Fetch-Site if the page came over plain HTTP
  if (origin === undefined ? isRead : URL.canParse(origin) && sameHost(request, new URL(origin).host)) return;
  throw siteForeign();
}

const bare = (name: string): string => name.replace(/^\[(.*)\]$/, "$1");

// A scheme's default port may be left out on one side only.
const sameHost = (request: FastifyRequest, host: string): boolean =>
  request.host.replace(/:(?:80|443)$/, "") === host;
