/**
 * Decides which addresses a drain may be sent to. A drain's URL is hostile input: an app's owner must not reach what
 * only the server can reach. Checked when a drain is registered (literals and `localhost`), and again at connect on
 * every resolved address, so a name that answers differently the second time gains nothing.
 */
import type { LookupAddress, LookupAllOptions } from "node:dns";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Cidr = readonly [Address, number];

/** Says why an address is refused. */
export type AddressPolicy = {
  /** The kind of refused address that this is (`loopback`, `private`, …), or undefined when drains may go there. */
  refusal(address: string, port?: number): string | undefined;
};

/** The kind of an address where this server itself listens. */
export const ownKind = "this server itself";

/** The addresses that `--dev` allows. */
export const loopbackCidrs: readonly string[] = ["127.0.0.0/8", "::1/128"];

/** A public address that the machine's own host answers: Azure's agent. */
const hostAgents: readonly Cidr[] = [ipaddr.parseCIDR("168.63.129.16/32")];

/** Allows every address, for the one destination that no user enters. */
export const anyAddress: AddressPolicy = { refusal: () => undefined };

/** Only these IPv6 addresses are handed out to the public (RFC 4291 §2.4 as assigned by IANA). */
const globalUnicast: Cidr = ipaddr.parseCIDR("2000::/3");

/**
 * Allows public unicast addresses, and whatever the operator's `cidrs` (or single addresses) allow. Throws a TypeError
 * for a bad one.
 */
export function addressPolicy(cidrs: readonly string[]): AddressPolicy {
  const allowed = cidrs.map(parseCidr);
  return {
    refusal(text) {
      if (!ipaddr.isValid(text)) return "malformed";
      // An IPv4-mapped address reaches the IPv4 address inside it, so that one is judged.
      const address = ipaddr.process(text);
      if (allowed.some((cidr) => within(address, cidr))) return undefined;
      const range = address.range();
      if (range !== "unicast") return range.replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);
      if (hostAgents.some((cidr) => within(address, cidr))) return "host agent";
      if (address.kind() === "ipv6" && !within(address, globalUnicast)) return "reserved";
      return undefined;
    },
  };
}

/** The policy, which also refuses this server itself. An address that is refused anyway does not reveal whose it is. */
export const sparing = (
  policy: AddressPolicy,
  own: { hasAddress(address: string, port: number): boolean },
): AddressPolicy => ({
  refusal: (address, port) =>
    policy.refusal(address) ?? (port !== undefined && own.hasAddress(address, port) ? ownKind : undefined),
});

/** The policy for addresses at one port. */
export const atPort = (policy: AddressPolicy, port: number): AddressPolicy => ({
  refusal: (address) => policy.refusal(address, port),
});

const publicAddresses = addressPolicy([]);

/** Names that by definition lead to this machine (RFC 6761 §6.3). */
export const isLocalName = (host: string): boolean => /(^|\.)localhost\.?$/i.test(host);

/**
 * The address that `host` leads to, as the owner of its drain may see it: the owner must not learn what a name leads to
 * inside the operator's network.
 */
export function shownAddress(address: string, host: string): string {
  const range = publicAddresses.refusal(address);
  if (range === undefined || address === host || isLocalName(host)) return address;
  return `${/^(uns|[aeio])/.test(range) ? "an" : "a"} ${range} address`;
}

/** Thrown by the lookup when a name has no address that a drain may be sent to. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
  readonly address: string;
  readonly range: string;

  constructor(address: string, range: string) {
    super(`${address} is a ${range} address`);
    this.address = address;
    this.range = range;
  }
}

/** Throws `AddressRefused` when `host` is an address literal that is refused: `net.connect` looks up only names. */
export function checkLiteral(host: string, policy: AddressPolicy): void {
  if (!ipaddr.isValid(host)) return;
  const range = policy.refusal(host);
  if (range !== undefined) throw new AddressRefused(host, range);
}

/** Looks up all addresses of a name, perhaps none, as `dns.lookup` does with `all`. */
export type Resolve = (
  name: string,
  options: LookupAllOptions,
  done: (failure: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

/** The same on behalf of an app: apps share the look-ups. */
export type ResolveInTurn = (...lookup: [...Parameters<Resolve>, app: string]) => void;

/**
 * Resolves every address of a name and keeps those that the policy allows: for the `lookup` option of `net.connect`.
 * Asks only once the caller listens to the socket, so that even an immediate answer is heard.
 */
export function checkedLookup(policy: AddressPolicy, resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => process.nextTick(look, hostname, options, callback);

  function look(...[hostname, options, callback]: Parameters<LookupFunction>): void {
    resolve(hostname, { ...options, all: true }, (failure, found) => {
      if (failure !== null) return callback(failure, []);
      const allowed = found.filter(({ address }) => policy.refusal(address) === undefined);
      const first = allowed[0];
      if (first === undefined) {
        const address = found[0]?.address ?? hostname;
        return callback(new AddressRefused(address, policy.refusal(address) ?? "missing"), []);
      }
      if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  }
}

const within = (address: Address, [network, bits]: Cidr) =>
  address.kind() === network.kind() && address.match(network, bits);

function parseCidr(text: string): Cidr {
  try {
    const [address, bits] = text.includes("/")
      ? ipaddr.parseCIDR(text)
      : ipaddr.parseCIDR(`${text}/${ipaddr.parse(text).kind() === "ipv4" ? 32 : 128}`);
    return [address, bits];
  } catch (cause) {
    throw new TypeError(`"${text}" is no CIDR such as 10.0.0.0/8`, { cause });
  }
}
