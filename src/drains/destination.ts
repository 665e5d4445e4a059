/** Parses a drain's URL. The URL is stored as it was given; its meaning is computed when needed. */
import { isIPv6 } from "node:net";
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

/** Bounds of one parcel that are the receiver's, where it takes less than the drain would send. */
export type ParcelBounds = {
  /** Stored bytes: so few that parcels of ordinary lines stay below `bodyBytesMax`. */
  readonly bytesMax?: number;
  readonly linesMax?: number;
  /** Bytes of a body before it is compressed: a larger one is halved unsent. */
  readonly bodyBytesMax?: number;
  /** False: the receiver refuses a request for one blank line in it, so that these are left out. */
  readonly takesBlanks?: false;
};

type Endpoint = {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** True when it is spoken to over TLS. */
  readonly secure: boolean;
};

export type HttpDestination = Endpoint & {
  readonly kind: "https";
  /** The value of `Host`: with the port only when the URL has another one than its scheme's. */
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
  /** False for `#insecure`: any certificate will do. */
  readonly verifies: boolean;
};

/** A drain's receiver: where its parcels go, and how they are written. */
export type Destination = HttpDestination | SyslogDestination;

/**
 * The formats, each with what its receivers take by their documentation (`docs/destinations.md`), where a parcel of
 * 512 KiB and 5,000 lines, the most that any drain sends, may be more: in JSON a byte becomes six at worst.
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
  /** The drain's own `format`; without it the URL's `format` parameter may name one. */
  readonly format?: string | undefined;
  readonly compression?: string | undefined;
  readonly allow: AddressPolicy;
  /** This server's own places, which no drain may go to. */
  readonly own?: Pick<OwnEndpoints, "has" | "isExcepted"> | undefined;
};

/**
 * Reads a drain's URL. Throws AppErrors that name the mend; the URL itself is in none of them (it may hold secrets).
 */
export function parseDestination(url: string, options: DestinationOptions): Destination {
  if (Buffer.byteLength(url) > urlBytesMax) throw drainUrlInvalid(`it is longer than ${urlBytesMax} bytes`);
  // WHATWG parsing drops tabs and line breaks and trims spaces: whoever typed them meant something else.
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
    throw drainUrlInvalid("its scheme is not https://, http://, syslog:// or syslog+tls://");
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

/** The format of a drain with this URL: what it was given, else what the URL says, else its scheme's own. */
export function formatOf(url: string, format: string | undefined): string {
  if (format !== undefined || !URL.canParse(url)) return format ?? "logplex";
  const { protocol, search } = new URL(url);
  return (
    new OwnQuery(search).take("format", isFormat) ?? (protocol.startsWith("syslog") ? "rfc5424" : "logplex")
  );
}

/** Likewise its compression. */
export function compressionOf(url: string, compression: string | undefined): string | undefined {
  if (compression !== undefined || !/^https?:/i.test(url) || !URL.canParse(url)) return compression;
  return new OwnQuery(new URL(url).search).take("compression", isCompression);
}

/** The receiver's bounds of one parcel; none for a drain that cannot be sent at all. */
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
  const rest = pathname.length > 1 || search !== "" ? "/…" : "/";
  return `${protocol}//${userinfo}${host}${rest}`;
}

function httpOf(parsed: URL, options: DestinationOptions) {
  const query = new OwnQuery(parsed.search);
  const format = options.format ?? query.take("format", isFormat) ?? "logplex";
  if (!isFormat(format)) throw drainFormatInvalid(format, Object.keys(parcelBounds));
  const compression = options.compression ?? query.take("compression", isCompression);
  const authorization = basicAuthorization(parsed);
  // The signal's own path is what a bare OTLP endpoint means.
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
  if (compression !== undefined) throw drainUrlInvalid("syslog has no compression");
  if (parsed.username + parsed.password !== "") throw drainUrlInvalid("syslog has no user and password");
  // A path and a query mean nothing to syslog; they are taken, as Heroku takes them, and stay in the URL as it is
  // shown.
  return { verifies: parsed.hash !== "#insecure" };
}

const isCompression = (word: string): boolean => word === "gzip";

const isFormat = (word: string): word is FormatName => Object.hasOwn(parcelBounds, word);

/**
 * A URL's query, from which the words that are meant for the drain are taken; the others go to the receiver as they
 * are.
 */
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

// Only "special" schemes have their hosts read as names and addresses: `syslog://0x7f.1` must not be another 127.0.0.1.
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
