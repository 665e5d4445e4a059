/** Standard output that is a socket, as ssh, socat and Node give to their children, and its reader's end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { cliEnvironment, mainFile } from "../support/cli.ts";
import { eventStream, FakeTailrace } from "../support/fake-tailrace.ts";
import { kept } from "../support/kept.ts";

const line = ["1.1", "T app[web.1]: hello"] as const;

function tailInto(stdout: "pipe" | Socket, server: FakeTailrace): ChildProcess {
  const child = spawn(process.execPath, [mainFile, "logs", "-a", "shop", "--tail"], {
    env: cliEnvironment(server),
    stdio: ["ignore", stdout, "ignore"],
  });
  kept({ close: async () => child.kill("SIGKILL") });
  return child;
}

/** A tail whose standard output is a TCP connection, and the reader's end of that. */
async function tailIntoTcp(server: FakeTailrace): Promise<{ child: ChildProcess; reader: Socket }> {
  const listener = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const accepted = once(listener, "connection");
  const reader = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [socket] = (await accepted) as [Socket];
  listener.close();
  kept({ close: async () => void reader.destroy() });
  const child = tailInto(socket, server);
  socket.destroy(); // the child has it
  return { child, reader };
}

test.each([
  [
    "a Unix socket that is closed",
    async (server: FakeTailrace) => {
      const child = tailInto("pipe", server);
      return { child, reader: child.stdout as Socket, leave: () => void child.stdout!.destroy() };
    },
  ],
  [
    "a TCP connection that is reset",
    async (server: FakeTailrace) => {
      const { child, reader } = await tailIntoTcp(server);
      return { child, reader, leave: () => void reader.resetAndDestroy() };
    },
  ],
])("a tail into %s ends with status 0, though its server has gone and no line comes", async (_, open) => {
  const server = await FakeTailrace.open();
  server.streams = [eventStream([line], "stay")];
  const { child, reader, leave } = await open(server);
  await once(reader, "data");
  await server.close();
  const ended = once(child, "exit");
  leave();
  expect(await ended).toEqual([0, null]);
});

test("a tail into a TCP connection goes on when its reader has closed its sending side alone", async () => {
  const server = kept(await FakeTailrace.open());
  const lines = Array.from({ length: 50 }, (_, n) => `T app[web.1]: ${n}`);
  server.streams = lines.map((text, n) => eventStream([[`1.${n}`, text]])); // each 20 ms after the one before
  const { reader } = await tailIntoTcp(server);
  reader.end();
  let got = "";
  for await (const part of reader.setEncoding("utf8")) {
    got += part;
    if (got.includes(lines.at(-1)!)) break;
  }
  expect(got).toBe(lines.map((text) => `${text}\n`).join(""));
});
