/**
 * Reads the names that this machine itself knows (`hosts(5)`), and how short names are completed (`resolv.conf(5)`).
 */

import type { LookupAddress } from "node:dns";
import { readFile, stat } from "node:fs/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** Everything that a look-up has to know besides the name servers. */
export type NameFacts = {
  /** By name in lower case. */
  readonly hosts: ReadonlyMap<string, readonly LookupAddress[]>;
  /** Domains that may complete a name. */
  readonly search: readonly string[];
  /** A name with at least this many dots is first asked for as it is. */
  readonly ndots: number;
  /** True when this machine can reach IPv6 addresses. */
  readonly hasIpv6: boolean;
};

/** How much of a hosts file is read; the rest is ignored. */
const hostsBytesMax = 4 << 20;
/** The limit of `resolv.conf(5)`. */
const searchMax = 6;
const ndotsMax = 15;
/** How late a change in the files may be noticed. */
const freshMs = 5_000;

export function parseHosts(text: string): Map<string, LookupAddress[]> {
  const hosts = new Map<string, LookupAddress[]>();
  for (const line of text.slice(0, hostsBytesMax).split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase().replace(/\.$/, "");
      const known = hosts.get(key);
      if (known === undefined) hosts.set(key, [{ address, family }]);
      else known.push({ address, family });
    }
  }
  return hosts;
}

/** The last `search` or `domain` counts, and the last `ndots` in `options`. */
export function parseResolvConf(text: string): Pick<NameFacts, "search" | "ndots"> {
  let search: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [word = "", ...rest] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (word === "domain") search = rest.slice(0, 1);
    if (word === "search") search = rest;
    const given = word === "options" ? rest.findLast((option) => /^ndots:\d+$/.test(option)) : undefined;
    if (given !== undefined) ndots = Math.min(ndotsMax, Number(given.slice("ndots:".length)));
  }
  const domains = search.map((domain) => domain.toLowerCase().replace(/\.$/, ""));
  return { search: domains.filter((domain) => domain !== "").slice(0, searchMax), ndots };
}

/** The full names that a name may stand for in the DNS, in the order in which to ask. */
export function fullNames(name: string, { search, ndots }: Pick<NameFacts, "search" | "ndots">): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const completed = search.map((domain) => `${name}.${domain}`);
  const dots = name.split(".").length - 1;
  return dots >= ndots ? [name, ...completed] : [...completed, name];
}

/** Reads the two files when they have changed. One that cannot be read counts as empty. */
export class NameFiles {
  readonly #hosts: WatchedFile<NameFacts["hosts"]>;
  readonly #resolvConf: WatchedFile<Pick<NameFacts, "search" | "ndots">>;
  #facts: Promise<NameFacts> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor({ hosts = "/etc/hosts", resolvConf = "/etc/resolv.conf" } = {}) {
    this.#hosts = new WatchedFile(hosts, parseHosts);
    this.#resolvConf = new WatchedFile(resolvConf, parseResolvConf);
  }

  facts(): Promise<NameFacts> {
    const nowMs = performance.now();
    if (this.#facts === undefined || nowMs - this.#readAtMs > freshMs) {
      this.#readAtMs = nowMs;
      this.#facts = this.#read();
    }
    return this.#facts;
  }

  async #read(): Promise<NameFacts> {
    const [hosts, resolvConf] = await Promise.all([this.#hosts.read(), this.#resolvConf.read()]);
    return { hosts, ...resolvConf, hasIpv6: hasIpv6() };
  }
}

class WatchedFile<Meaning> {
  readonly #path: string;
  readonly #parse: (text: string) => Meaning;
  #mark: string | undefined;
  #meaning: Meaning | undefined;

  constructor(path: string, parse: (text: string) => Meaning) {
    this.#path = path;
    this.#parse = parse;
  }

  async read(): Promise<Meaning> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#path);
      const mark = `${mtimeMs} ${size} ${ino}`;
      if (this.#meaning === undefined || mark !== this.#mark) {
        this.#meaning = this.#parse(await readFile(this.#path, "latin1"));
        this.#mark = mark;
      }
    } catch {
      this.#meaning ??= this.#parse("");
    }
    return this.#meaning;
  }
}

function hasIpv6(): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  return addresses.some(
    ({ family, internal, address }) => family === "IPv6" && !internal && !/^fe[89ab]/i.test(address),
  );
}
