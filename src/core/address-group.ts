/** The group that a connection counts for by its address: bounds for each address are bounds for each group. */
import ipaddr from "ipaddr.js";

/** An IPv4 address stands for itself, an IPv6 address for its /64, as one household or host has a whole one. */
export function addressGroup(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined || !ipaddr.isValid(remoteAddress)) return "unknown";
  const address = ipaddr.process(remoteAddress);
  if (address.kind() === "ipv4") return address.toString();
  return `${(address as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}
