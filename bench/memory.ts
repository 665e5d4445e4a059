/**
 * What do an idle app, an idle drain and an idle tail hold in the server's own memory? A thousand of each, one after
 * the other, the garbage of making them included. Run: node bench/memory.ts [count]
 */
import { once } from "node:events";
import { type ClientRequest, get } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { postLines } from "./load.ts";
import { BenchServer } from "./server.ts";

type Memory = {
  readonly count: number;
  readonly startBytes: number;
  readonly bytesPerApp: number;
  readonly bytesPerDrain: number;
  readonly bytesPerTail: number;
};

const settleMs = 5_000;

/** Runs the question once. */
export async function memory({ count = 1_000, args = [] as readonly string[] } = {}): Promise<Memory> {
  const server = await BenchServer.start(args);
  const receiver = createServer((socket) =>
    socket.on("data", () => socket.end("HTTP/1.1 204 No Content\r\n\r\n")),
  );
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const settled = async () => {
    await delay(settleMs);
    return server.memoryBytes();
  };
  const tails: ClientRequest[] = [];
  try {
    const warm = await server.token("warm");
    await postLines([{ url: server.url, token: warm }], 1);
    const startBytes = await settled();

    const names = Array.from({ length: count }, (_, i) => `bench-${i}`);
    await server.tokens(names);
    const withApps = await settled();

    const { port } = receiver.address() as AddressInfo;
    for (const name of names)
      await server.call("POST", `/apps/${name}/log-drains`, { url: `http://127.0.0.1:${port}/` });
    const withDrains = await settled();

    for (const name of names) {
      const session = await server.call("POST", `/apps/${name}/log-sessions`, { tail: true, lines: 10 });
      const { logplex_url } = session as { logplex_url: string };
      const request = get(logplex_url, { headers: { accept: "text/event-stream" }, agent: false });
      const [response] = await once(request, "response");
      response.resume();
      tails.push(request);
    }
    const withTails = await settled();
    return {
      count,
      startBytes,
      bytesPerApp: (withApps - startBytes) / count,
      bytesPerDrain: (withDrains - withApps) / count,
      bytesPerTail: (withTails - withDrains) / count,
    };
  } finally {
    for (const tail of tails) tail.destroy();
    receiver.close();
    await server.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(await memory({ count: Number(process.argv[2] ?? 1_000) }));
