/** A name server on 127.0.0.1 that answers from a table, or stays silent or fails if the table says so. */
import { createSocket } from "node:dgram";
import { once } from "node:events";

/** Addresses, none for a name without any; a name that is not in the table does not exist. */
export type Zone = Readonly<Record<string, readonly string[] | "silent" | "fails">>;

type DnsServer = {
  /** The address for `Resolver.setServers`. */
  readonly at: string;
  /** `NAME TYPE` of each question. */
  readonly questions: string[];
  close(): Promise<void>;
};

const types: Readonly<Record<number, string>> = { 1: "A", 28: "AAAA" };

export async function openDnsServer(
  zoneOf: Zone | ((name: string) => Zone[string] | undefined),
): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const questions: string[] = [];
  const find = typeof zoneOf === "function" ? zoneOf : (name: string) => zoneOf[name];
  socket.on("message", (query, { address, port }) => {
    const { name, type, end } = questionIn(query);
    questions.push(`${name} ${types[type]}`);
    const found = find(name);
    if (found === "silent") return;
    const records = Array.isArray(found)
      ? found
          .filter((one: string) => one.includes(":") === (type === 28))
          .map((one: string) => record(type, one))
      : [];
    const head = Buffer.from(query.subarray(0, end));
    head.writeUInt16BE(0x8180 | (found === "fails" ? 2 : found === undefined ? 3 : 0), 2);
    head.writeUInt16BE(records.length, 6);
    head.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([head, ...records]), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    at: `127.0.0.1:${socket.address().port}`,
    questions,
    async close() {
      socket.close();
      await once(socket, "close");
    },
  };
}

function questionIn(query: Buffer) {
  const labels: string[] = [];
  let at = 12;
  for (; query[at] !== 0; at += query[at]! + 1)
    labels.push(query.toString("latin1", at + 1, at + 1 + query[at]!));
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

// Of the name in the question, for a minute.
function record(type: number, address: string): Buffer {
  const data = type === 1 ? Buffer.from(address.split(".").map(Number)) : ipv6Bytes(address);
  return Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length]), data]);
}

function ipv6Bytes(address: string): Buffer {
  const [before = "", after] = address.split("::");
  const words = (text: string) =>
    text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16));
  const first = words(before);
  const last = words(after ?? "");
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  const bytes = Buffer.alloc(16);
  for (const [index, word] of all.entries()) bytes.writeUInt16BE(word, 2 * index);
  return bytes;
}
