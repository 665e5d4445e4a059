import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { realClock } from "../../../src/clock.ts";
import { readShared } from "../../../src/ingest/connections/shared-reads.ts";
import { ingestLimits } from "../../../src/ingest/limits.ts";
import { AppendQueues } from "../../../src/ingest/queues/append-queues.ts";
import { syslogListener } from "../../../src/ingest/syslog/syslog.ts";
import { readBytesMax } from "../../../src/sockets/socket-reads.ts";
import { octetCounted } from "../../support/frames.ts";
import { until } from "../../support/until.ts";
import { alone, channelOf, FakeTokens, silent, tokenOf } from "../registry.ts";
import { ScriptedLog } from "../scripted-log.ts";

let server: Server | undefined;
const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  server?.close();
});

/** A server whose connections are handed to `accept`; the way to connect to it. */
async function listening(accept: (socket: Socket) => void): Promise<() => Socket> {
  server = createServer(accept).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return () => {
    const client = connect(port, "127.0.0.1");
    clients.push(client);
    return client;
  };
}

test("what many connections bring at a time is whole, and read into one memory", async () => {
  const memories = new Set<ArrayBufferLike>();
  const ended: Buffer[] = [];
  const open = await listening((socket) => {
    const parts: Buffer[] = [];
    const isShared = readShared(socket, (bytes) => {
      memories.add(bytes.buffer);
      parts.push(Buffer.from(bytes));
      setImmediate(() => socket.resume());
      return false; // nothing more of this one is read before another turn
    });
    expect(isShared).toBe(true);
    socket.on("end", () => ended.push(Buffer.concat(parts)));
  });
  const sent = Array.from({ length: 8 }, (_, i) => Buffer.alloc(5 * readBytesMax + i, `${i} and so on `));
  for (const bytes of sent) open().end(bytes);
  await until(() => ended.length === sent.length);
  ended.sort((one, other) => one.length - other.length);
  expect(ended.map((bytes, i) => bytes.equals(sent[i]!))).toEqual(sent.map(() => true));
  expect(memories.size).toBe(1);
});

test("a socket with other insides is left as it is", async () => {
  const events: string[] = [];
  const open = await listening((socket) => {
    Object.assign((socket as unknown as { _handle: object })._handle, { useUserBuffer: undefined });
    expect(readShared(socket, () => events.push("taken") > 0)).toBe(false);
    socket.on("data", (bytes) => events.push(String(bytes)));
    socket.on("end", () => events.push("end"));
  });
  open().end("as ever");
  await until(() => events.includes("end"));
  expect(events).toEqual(["as ever", "end"]);
  expect(readShared({ _handle: { useUserBuffer: () => {} } } as unknown as Socket, () => true)).toBe(false);
});

test("frames that wait for the registry keep their bytes while others are read", async () => {
  const tokens = new FakeTokens();
  for (const app of [1, 2]) tokens.add(tokenOf(app), channelOf(app));
  const log = new ScriptedLog();
  const queues = new AppendQueues({ ...ingestLimits, log, clock: realClock, logger: silent });
  const options = { ...ingestLimits, ...alone, host: "127.0.0.1", port: 0, queues, tokens, logger: silent };
  const listener = await syslogListener({ ...options, clock: realClock });
  const real = tokens.find.bind(tokens);
  let answer = () => {};
  const find = vi.spyOn(tokens, "find").mockImplementationOnce(async (token) => {
    await new Promise<void>((resolve) => (answer = resolve));
    return real(token);
  });
  const frames = (app: number, text: string): Buffer[] =>
    Array.from({ length: 20 }, (_, i) =>
      octetCounted(`<190>1 2026-01-02T03:04:05.000006+00:00 host ${tokenOf(app)} web.1 - - ${text} ${i}`),
    );
  const send = (bytes: Buffer[]) => {
    const client = connect(listener.address.port, "127.0.0.1");
    clients.push(client);
    client.end(Buffer.concat(bytes));
  };
  send(frames(1, "waits"));
  await until(() => find.mock.calls.length === 1);
  send(frames(2, "other"));
  await until(() => log.lines(channelOf(2)).length === 20);
  answer();
  await until(() => log.lines(channelOf(1)).length === 20);
  for (const [app, text] of [
    [1, "waits"],
    [2, "other"],
  ] as const) {
    expect(log.messages(channelOf(app))).toEqual(Array.from({ length: 20 }, (_, i) => `${text} ${i}`));
  }
  await listener.close();
});
