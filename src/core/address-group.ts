/** The group of a client's address: a bound for each address is a bound for each group. */
import ipaddr from "ipaddr.js";

/** Addresses whose groups are remembered; at the bound all are forgotten. */
const knownMax = 1_000;
const known = new Map<string, string>();

/**
 * An IPv4 address is a group of its own; an IPv6 address belongs to its /64, because a household or host usually has
 * a whole one.
 */
export function addressGroup(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return "unknown";
  const before = known.get(remoteAddress);
  if (before !== undefined) return before;
  const group = groupOf(remoteAddress);
  if (known.size >= knownMax) known.clear();
  known.set(remoteAddress, group);
  return group;
}

function groupOf(remoteAddress: string): string {
  if (!ipaddr.isValid(remoteAddress)) return "unknown";
  const address = ipaddr.process(remoteAddress);
  if (address.kind() === "ipv4") return address.toString();
  return `${(address as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}
