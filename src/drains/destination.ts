/** A drain's URL and what it means. The URL is stored as it was given; this is its meaning, computed when needed. */
import { drainAddressRefused, drainKindUnavailable, drainUrlInvalid } from "../errors.ts";
import { type AddressPolicy, AddressRefused, checkLiteral } from "./addresses.ts";

/** Where a drain's parcels go and how they are written. Sinks of more kinds are more members of this union. */
export type Destination = {
  readonly kind: "https";
  /** False for `http://`. */
  readonly secure: boolean;
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** What `Host` says: the port only when the URL has another one than its scheme's. */
  readonly hostHeader: string;
  /** Path and query; the fragment is never sent. */
  readonly path: string;
  /** `Basic …` when the URL has userinfo. */
  readonly authorization?: string;
  readonly format: "logplex";
};

const urlBytesMax = 2_048;
const kindsComing = ["syslog:", "syslog+tls:"];
const formatsComing = ["rfc5424", "ndjson", "otlp"];

/** Reads a drain's URL. Throws AppErrors that name the mend; the URL itself is in none of them (it may hold secrets). */
export function parseDestination(
  url: string,
  options: { readonly format?: string | undefined; readonly allow: AddressPolicy },
): Destination {
  if (Buffer.byteLength(url) > urlBytesMax) throw drainUrlInvalid(`it is longer than ${urlBytesMax} bytes`);
  // WHATWG parsing drops tabs and line breaks and trims spaces: whoever typed them meant something else.
  if (/[\s\p{Cc}\\]/u.test(url))
    throw drainUrlInvalid("it holds a space, a backslash or a control character");
  if (!URL.canParse(url)) throw drainUrlInvalid("it is no URL");
  const parsed = new URL(url);
  const { protocol } = parsed;
  if (kindsComing.includes(protocol)) throw drainKindUnavailable(`${protocol}//`);
  if (protocol !== "https:" && protocol !== "http:")
    throw drainUrlInvalid("its scheme is not https:// or http://");
  const { format = "logplex" } = options;
  if (formatsComing.includes(format)) throw drainKindUnavailable(`format ${format}`);
  if (format !== "logplex") throw drainUrlInvalid('its format is unknown; the format is "logplex"');
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  const port = parsed.port === "" ? (protocol === "https:" ? 443 : 80) : Number(parsed.port);
  if (port === 0) throw drainUrlInvalid("port 0 cannot be reached");
  checkHost(host, options.allow);
  const authorization = basicAuthorization(parsed);
  return {
    kind: "https",
    secure: protocol === "https:",
    host,
    port,
    hostHeader: parsed.host,
    path: parsed.pathname + parsed.search,
    ...(authorization && { authorization }),
    format,
  };
}

/** Scheme, host and port; userinfo, path and query, which may hold secrets, become `…`. For logs, errors and notices. */
export function redactUrl(url: string): string {
  if (!URL.canParse(url)) return "…";
  const { protocol, host, pathname, search, username, password } = new URL(url);
  const userinfo = username + password === "" ? "" : "…@";
  const rest = pathname.length > 1 || search !== "" ? "/…" : "/";
  return `${protocol}//${userinfo}${host}${rest}`;
}

function checkHost(host: string, allow: AddressPolicy): void {
  try {
    checkLiteral(host, allow);
    if (/(^|\.)localhost\.?$/.test(host)) checkLiteral("127.0.0.1", allow);
  } catch (failure) {
    if (failure instanceof AddressRefused) throw drainAddressRefused(failure.range);
    throw failure;
  }
}

// `user` alone is `user:`, `:word` is an empty user, and the first colon parts them: as curl does it.
function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  return `Basic ${Buffer.from(`${percentDecoded(username)}:${percentDecoded(password)}`).toString("base64")}`;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
