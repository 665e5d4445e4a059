/**
 * Datagrams that the system dropped because they were not read in time. Programs are not told of them; Linux counts
 * them for each socket in /proc/net/udp.
 */
import { readFile } from "node:fs/promises";
import { type AddressInfo, isIPv6 } from "node:net";
import { endianness } from "node:os";
import ipaddr from "ipaddr.js";

/** Counts the overruns of one socket. */
export class UdpOverruns {
  readonly #file: string;
  readonly #local: string;
  #counted = 0;

  constructor(at: AddressInfo) {
    this.#file = isIPv6(at.address) ? "/proc/self/net/udp6" : "/proc/self/net/udp";
    this.#local = localAddress(at);
  }

  /** Overruns since the last call; 0 where the system does not count them. */
  async more(): Promise<number> {
    const table = await readFile(this.#file, "latin1").catch(() => "");
    const drops = dropsIn(table, this.#local);
    const more = Math.max(0, drops - this.#counted);
    this.#counted = Math.max(this.#counted, drops);
    return more;
  }
}

/**
 * The drops in /proc/net/udp of the socket that is bound to `local`, from the last column; 0 when it is not listed.
 */
export function dropsIn(table: string, local: string): number {
  for (const row of table.split("\n")) {
    const cells = row.trim().split(/\s+/);
    if (cells[1] === local) return Number(cells.at(-1)) || 0;
  }
  return 0;
}

/** An address as /proc/net/udp writes it: 32-bit words in the machine's byte order, in hex, and the port. */
export function localAddress({ address, port }: Pick<AddressInfo, "address" | "port">): string {
  const bytes = Buffer.from(ipaddr.parse(address).toByteArray());
  if (endianness() === "LE") bytes.swap32();
  const hexPort = port.toString(16).padStart(4, "0");
  return `${bytes.toString("hex")}:${hexPort}`.toUpperCase();
}
