/** Parses a drain's URL. The URL is stored as it was given; its meaning is computed when needed. */
import { isIPv6 } from "node:net";
import { drainOption } from "../errors/api.ts";
import {
  drainAddressRefused,
  drainFormatInvalid,
  drainToItself,
  drainUrlInvalid,
  syslogFormatInvalid,
} from "../errors/drains.ts";
import { type AddressPolicy, AddressRefused, checkLiteral, isLocalName } from "./addresses.ts";
import type { OwnEndpoints } from "./own-endpoints.ts";

/** How the lines of a parcel are written in the body of a request. */
export type FormatName = keyof typeof parcelBounds;

/** The receiver's own bounds for one parcel, where it accepts less than the drain would send. */
export type ParcelBounds = {
  /** In stored bytes, so few that parcels of ordinary lines stay below `bodyBytesMax`. */
  readonly bytesMax?: number;
  readonly linesMax?: number;
  /** In bytes before compression: a larger body is halved unsent. */
  readonly bodyBytesMax?: number;
  /** False: the receiver refuses a whole request for one blank line, so blank lines are left out. */
  readonly takesBlanks?: false;
};

type Endpoint = {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** True for TLS. */
  readonly secure: boolean;
};

export type HttpDestination = Endpoint & {
  readonly kind: "https";
  /** The value of `Host`: with the port only if it is not the scheme's default. */
  readonly hostHeader: string;
  /** Path and query; the fragment is never sent. */
  readonly path: string;
  /** `Basic …` when the URL has userinfo. */
  readonly authorization?: string;
  readonly format: FormatName;
  readonly compresses: boolean;
};

export type SyslogDestination = Endpoint & {
  readonly kind: "syslog";
  /** False for `#insecure`: any certificate is accepted. */
  readonly verifies: boolean;
};

/** A drain's receiver: where its parcels go and how they are written. */
export type Destination = HttpDestination | SyslogDestination;

/**
 * The formats, each with the bounds that its receivers document (`docs/destinations.md`), if a drain's largest parcel,
 * 512 KiB and 5,000 lines, may exceed them: in JSON, a byte becomes six at worst.
 */
export const parcelBounds = {
  logplex: {},
  rfc5424: {},
  ndjson: {},
  otlp: {},
  "otlp-json": {},
  loki: {},
  datadog: { linesMax: 1_000 },
  newrelic: { bodyBytesMax: 1_000_000, bytesMax: 256 * 1024 },
  /** Splunk Cloud's bound; a blank event is refused with code 13, and its whole request with it. */
  splunk: { bodyBytesMax: 1_000_000, takesBlanks: false },
  betterstack: {},
} as const satisfies Record<string, ParcelBounds>;

const urlBytesMax = 2_048;
const schemes = new Map([
  ["https:", { secure: true, port: 443 }],
  ["http:", { secure: false, port: 80 }],
  ["syslog:", { secure: false, port: 601 }],
  ["syslog+tls:", { secure: true, port: 6514 }],
]);

type DestinationOptions = {
  /** The drain's own `format`. Without one, the URL's `format` parameter may name one. */
  readonly format?: string | undefined;
  readonly compression?: string | undefined;
  readonly allow: AddressPolicy;
  /** This server's own endpoints, to which no drain may go. */
  readonly own?: Pick<OwnEndpoints, "has" | "isExcepted"> | undefined;
};

/** Reads a drain's URL. Throws AppErrors that name the mend, but never the URL itself, which may hold secrets. */
export function parseDestination(url: string, options: DestinationOptions): Destination {
  if (Buffer.byteLength(url) > urlBytesMax) throw drainUrlInvalid(`it is longer than ${urlBytesMax} bytes`);
  // WHATWG parsing drops tabs and line breaks and trims spaces, so the result would not be the URL that was typed.
  if (/[\s\p{Cc}\\]/u.test(url))
    throw drainUrlInvalid("it holds a space, a backslash or a control character");
  if (!URL.canParse(url))
    throw drainUrlInvalid(
      /^[a-z+]+:\/\//i.test(url)
        ? "its host or port cannot be read"
        : "it is no URL: it has to start with https://, http://, syslog:// or syslog+tls://",
    );
  const parsed = new URL(url);
  const scheme = schemes.get(parsed.protocol);
  if (scheme === undefined)
    throw drainUrlInvalid(
      /^(otlp|grpc)/.test(parsed.protocol)
        ? "OTLP is a format (--format otlp) of an https:// or http:// URL"
        : "its scheme is not https://, http://, syslog:// or syslog+tls://",
    );
  const host = hostOf(parsed);
  const port = parsed.port === "" ? scheme.port : Number(parsed.port);
  if (port === 0) throw drainUrlInvalid("port 0 cannot be reached");
  const isExcepted = options.own?.isExcepted(url) === true;
  if (!isExcepted) checkHost(host, options.allow);
  const endpoint = { secure: scheme.secure, host, port };
  const destination: Destination = /^https?:$/.test(parsed.protocol)
    ? { kind: "https", ...endpoint, ...httpOf(parsed, options) }
    : { kind: "syslog", ...endpoint, ...syslogOf(parsed, options) };
  if (!isExcepted && options.own?.has({ ...destination, path: parsed.pathname })) throw drainToItself();
  return destination;
}

/** The format of a drain with this URL: the one it was given, else the URL's, else the scheme's default. */
export function formatOf(url: string, format: string | undefined): string {
  if (format !== undefined || !URL.canParse(url)) return format ?? "logplex";
  const { protocol, search } = new URL(url);
  return (
    new OwnQuery(search).take("format", isFormat) ?? (protocol.startsWith("syslog") ? "rfc5424" : "logplex")
  );
}

/** The same for compression. */
export function compressionOf(url: string, compression: string | undefined): string | undefined {
  if (compression !== undefined || !/^https?:/i.test(url) || !URL.canParse(url)) return compression;
  return new OwnQuery(new URL(url).search).take("compression", isCompression);
}

/** The receiver's bounds for one parcel; none for a drain that cannot be sent at all. */
export function boundsOf(drain: { readonly url?: string; readonly format?: string }): ParcelBounds {
  const format = formatOf(drain.url ?? "", drain.format);
  return isFormat(format) ? parcelBounds[format] : {};
}

/**
 * Scheme, host and port; userinfo, path and query, which may hold secrets, become `…`. For logs, errors and notices.
 */
export function redactUrl(url: string): string {
  if (!URL.canParse(url)) return "…";
  const { protocol, host, pathname, search, username, password } = new URL(url);
  const userinfo = username + password === "" ? "" : "…@";
  const rest = pathname.length > 1 || search !== "" ? "/…" : pathname;
  return `${protocol}//${userinfo}${host}${rest}`;
}

function httpOf(parsed: URL, options: DestinationOptions) {
  const query = new OwnQuery(parsed.search);
  const format = options.format ?? query.take("format", isFormat) ?? "logplex";
  if (!isFormat(format)) throw drainFormatInvalid(format, Object.keys(parcelBounds));
  const compression = options.compression ?? query.take("compression", isCompression);
  const authorization = basicAuthorization(parsed);
  // A bare OTLP endpoint means the signal's own path.
  const path = parsed.pathname === "/" && format.startsWith("otlp") ? "/v1/logs" : parsed.pathname;
  return {
    hostHeader: parsed.host,
    path: path + query.rest,
    ...(authorization && { authorization }),
    format,
    compresses: compression === "gzip",
  };
}

function syslogOf(parsed: URL, { format, compression }: DestinationOptions) {
  const query = new OwnQuery(parsed.search);
  const wanted = format ?? query.take("format", isFormat) ?? "rfc5424";
  if (wanted !== "rfc5424") throw syslogFormatInvalid(wanted);
  if (compression !== undefined) throw drainOption("compression", "syslog has none");
  if (parsed.username + parsed.password !== "") throw drainUrlInvalid("syslog has no user and password");
  // A path and a query mean nothing to syslog; they are accepted, as on Heroku, and the URL is shown with them.
  return { verifies: parsed.hash !== "#insecure" };
}

const isCompression = (word: string): boolean => word === "gzip";

const isFormat = (word: string): word is FormatName => Object.hasOwn(parcelBounds, word);

/** A URL's query, from which the drain's own parameters are taken; the others go to the receiver unchanged. */
class OwnQuery {
  #parts: readonly string[];

  constructor(search: string) {
    this.#parts = search === "" ? [] : search.slice(1).split("&");
  }

  get rest(): string {
    return this.#parts.length === 0 ? "" : `?${this.#parts.join("&")}`;
  }

  take(name: string, isOurs: (word: string) => boolean): string | undefined {
    const ours = this.#parts.find(
      (part) => part.startsWith(`${name}=`) && isOurs(part.slice(name.length + 1)),
    );
    if (ours === undefined) return undefined;
    this.#parts = this.#parts.filter((part) => part !== ours);
    return ours.slice(name.length + 1);
  }
}

// Only "special" schemes have their hosts parsed as names and addresses: `syslog://0x7f.1` must not be another
// 127.0.0.1.
function hostOf({ host, hostname }: URL): string {
  if (hostname === "" || !URL.canParse(`http://${host}`)) throw drainUrlInvalid("it names no host");
  return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, "");
}

function checkHost(host: string, allow: AddressPolicy): void {
  try {
    checkLiteral(host, allow);
    if (isLocalName(host)) checkLiteral("127.0.0.1", allow);
  } catch (failure) {
    if (!(failure instanceof AddressRefused)) throw failure;
    const { address, range } = failure;
    throw drainAddressRefused(address, range, isIPv6(address) ? 128 : 32);
  }
}

// `user` alone means `user:`, `:word` has an empty user, and the first colon separates the two, as in curl.
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
