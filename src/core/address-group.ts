/** Whose a connection is, as far as an address tells: bounds for each address count by these. */
import ipaddr from "ipaddr.js";

/** An IPv4 address, or the /64 that an IPv6 address is of: one household or one host has a whole one. */
export function addressGroup(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined || !ipaddr.isValid(remoteAddress)) return "unknown";
  const address = ipaddr.process(remoteAddress);
  if (address.kind() === "ipv4") return address.toString();
  return `${(address as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}
