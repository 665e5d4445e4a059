/**
 * Knows the addresses of this server itself. A drain to it would bring every line back as a new one, endlessly, so such
 * a URL is refused, and at connect so is a name that turns out to lead here. What cannot be known here (another name of
 * a proxy in front, other nodes) is caught at ingest by the drain's token in each request and frame.
 */
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";
import { isLocalName } from "./addresses.ts";

type Listener = { readonly host: string; readonly port: number };
type Site = { readonly host: string; readonly port: number; readonly path: string };

/** The parts of a drain's URL that say where it goes. */
type DrainEndpoint = {
  readonly kind: "https" | "syslog";
  readonly host: string;
  readonly port: number;
  /** For `https`: compared with the path under which others reach this server. */
  readonly path?: string;
};

export class OwnEndpoints {
  readonly #sites: readonly Site[];
  readonly #listeners: Listener[] = [];
  #excepted: string | undefined;

  /** `urls`: how others reach this server, through whatever stands in front of it. */
  constructor(urls: readonly string[]) {
    this.#sites = urls.map(siteOf);
  }

  /** Called for every listener once it listens. */
  listens(listener: Listener): void {
    this.#listeners.push({ ...listener, host: listener.host.toLowerCase() });
  }

  /** Allows the one URL of this server that a drain may have: the canary's own. */
  excepts(url: string): void {
    this.#excepted = url;
  }

  isExcepted(url: string): boolean {
    return url === this.#excepted;
  }

  /** True if a URL names this server: by an address where it listens, or as others reach it. */
  has({ kind, host, port, path = "/" }: DrainEndpoint): boolean {
    const name = host.toLowerCase().replace(/\.$/, "");
    const sites = this.#sites.filter((site) => site.host === name);
    return (
      addressesOf(name).some((address) => this.hasAddress(address, port)) ||
      (kind === "https"
        ? sites.some((site) => samePort(site.port, port) && isUnder(site.path, path))
        : sites.length > 0 && this.#listeners.some((listener) => listener.port === port))
    );
  }

  /** True if this server listens at the address and port. */
  hasAddress(address: string, port: number): boolean {
    return this.#listeners.some((listener) => listener.port === port && hears(listener.host, address));
  }
}

function siteOf(url: string): Site {
  const { protocol, hostname: host, port, pathname } = new URL(url);
  const standard = protocol === "https:" ? 443 : 80;
  return {
    host: host.toLowerCase().replace(/^\[|\]$|\.$/g, ""),
    port: port === "" ? standard : Number(port),
    path: pathname.replace(/\/+$/, ""),
  };
}

// A proxy in front often listens at both default ports.
const samePort = (one: number, other: number): boolean =>
  one === other || [one, other].every((port) => port === 80 || port === 443);

function isUnder(base: string, path: string): boolean {
  const plain = `${decoded(path)}/`.replace(/\/{2,}/g, "/");
  return plain.startsWith(`${decoded(base)}/`);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

// Names that are known to lead to this machine without a look-up.
function addressesOf(name: string): readonly string[] {
  if (isIP(name) !== 0) return [name];
  if (isLocalName(name) || name === hostname().toLowerCase()) return ["127.0.0.1", "::1"];
  return [];
}

function hears(listener: string, text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  const range = address.range();
  if (range === "unspecified") return true; // a connection to it reaches this machine
  if (listener === "localhost") return range === "loopback";
  if (!ipaddr.isValid(listener)) return false;
  const at = ipaddr.process(listener);
  if (at.range() !== "unspecified") return sameAddress(at, address);
  return range === "loopback" || ownAddresses().some((own) => sameAddress(own, address));
}

const sameAddress = (one: ipaddr.IPv4 | ipaddr.IPv6, other: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
  one.kind() === other.kind() && one.toNormalizedString() === other.toNormalizedString();

// Asked each time, but only for a URL with one of our ports: a machine's addresses come and go.
const ownAddresses = () =>
  Object.values(networkInterfaces())
    .flatMap((some) => some ?? [])
    .map(({ address }) => ipaddr.process(address));
