/**
 * Requests from signed-in browsers: whose they are, and that they come from our own page. No other site can send one
 * (the cookie, `Sec-Fetch-Site` and `Origin` see to that), nor reach this server under its own name (`Host`).
 */
import type { FastifyRequest } from "fastify";
import ipaddr from "ipaddr.js";
import { hostForeign, siteForeign } from "../errors/web.ts";
import type { Principal } from "../registry/principal.ts";
import type { WebSessions } from "../registry/web-sessions.ts";
import type { PublicUrl } from "./public-url.ts";

export type BrowserDeps = {
  readonly webSessions: WebSessions;
  /** The base of every URL handed out; undefined: the request's `Host` says it. */
  readonly publicUrl: PublicUrl;
};

/** Over TLS the browser itself holds the cookie to this host, to its root, and to TLS. */
const names = { plain: "tailrace", secure: "__Host-tailrace" } as const;

/** True when the browser speaks TLS, with us or with a proxy in front of us. */
export const isSecure = (request: FastifyRequest, publicUrl: PublicUrl): boolean =>
  request.protocol === "https" ||
  (publicUrl?.startsWith("https:") === true && sameHost(request, new URL(publicUrl).host));

/** The `Set-Cookie` that signs in, for so many seconds, or out (0). */
export function cookieOf(secret: string, { secure, maxAgeS }: { secure: boolean; maxAgeS: number }): string {
  const name = secure ? names.secure : names.plain;
  return `${name}=${secret}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;
}

/** The secret in the request's cookie; undefined when it has none of ours. */
export function secretInCookie(request: FastifyRequest, publicUrl: PublicUrl): string | undefined {
  const wanted = isSecure(request, publicUrl) ? names.secure : names.plain;
  for (const pair of request.headers.cookie?.split(";") ?? []) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === wanted && value !== undefined && value !== "") return value;
  }
  return undefined;
}

/** The principal of a browser that is signed in; undefined without a cookie that holds. Throws for what others sent by it. */
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
 * A name that resolves to this server need not be ours (DNS rebinding): then that site's own pages could read what is
 * here. IP addresses and localhost are nobody's names, the public URL's is ours.
 */
export function refuseForeignHost(request: FastifyRequest, publicUrl: PublicUrl): void {
  if (!URL.canParse(`http://${request.host}`)) throw hostForeign();
  const name = new URL(`http://${request.host}`).hostname;
  const isNobodys = name === "localhost" || name.endsWith(".localhost") || ipaddr.isValid(bare(name));
  if (!isNobodys && !(publicUrl !== undefined && new URL(publicUrl).hostname === name)) throw hostForeign();
}

/** Every browser says where a request comes from, and none lets a page say it. */
export function refuseForeignSite(request: FastifyRequest): void {
  const isRead = request.method === "GET" || request.method === "HEAD";
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) {
    if (site === "same-origin" || (isRead && site === "none")) return; // none: typed, or a bookmark
    throw siteForeign();
  }
  const { origin } = request.headers; // browsers leave Sec-Fetch-Site out where the page came over plain HTTP
  if (origin === undefined ? isRead : URL.canParse(origin) && sameHost(request, new URL(origin).host)) return;
  throw siteForeign();
}

const bare = (name: string): string => name.replace(/^\[(.*)\]$/, "$1");

// Ports that follow from the scheme are left out on one side alone.
const sameHost = (request: FastifyRequest, host: string): boolean =>
  request.host.replace(/:(?:80|443)$/, "") === host;
