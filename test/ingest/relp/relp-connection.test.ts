/** Connections of RELP over sockets of a kernel that the test holds: in which reads their bytes come is the test's matter. */
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { RelpConnection } from "../../../src/ingest/relp/relp-connection.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { KernelSocket } from "../../support/kernel-socket.ts";
import { channelOf, FakeTokens, tokenOf } from "../registry.ts";
import { ScriptedLog } from "../scripted-log.ts";
import { syslogParts } from "../syslog-parts.ts";

const KiB = 1024;
afterEach(() => vi.restoreAllMocks());

const frame = (number: number, command: string, data = "") =>
  data === "" ? `${number} ${command} 0\n` : `${number} ${command} ${data.length} ${data}\n`;
const line = (app: number, text: string) => `<190>1 - box ${tokenOf(app)} web.1 - - ${text}`;

function rig() {
  const log = new ScriptedLog();
  const clock = new FakeClock();
  const tokens = new FakeTokens();
  for (let app = 1; app <= 3; app++) tokens.add(tokenOf(app), channelOf(app));
  const { options, parts } = syslogParts({ log, clock, tokens });
  const connect = (isShared = true) => {
    const socket = new KernelSocket("10.0.0.1", isShared);
    const closed = vi.spyOn(socket, "destroy").mockImplementation(() => {
      Object.assign(socket, { destroyed: true });
      socket.emit("close");
    });
    const connection = new RelpConnection(socket as never, { ...parts, options }, parts.refused);
    void connection.run();
    return { socket, connection, closed };
  };
  return { log, clock, tokens, connect };
}

/** Polls until nothing more is read, written or stored. */
async function atRest({ log, clock }: ReturnType<typeof rig>, sockets: readonly KernelSocket[]) {
  const state = () =>
    JSON.stringify([sockets.map(({ bytes, writes }) => [bytes, writes]), log.stored.length]);
  for (let before = "", same = 0; same < 5; before = state()) {
    for (const socket of sockets) socket.poll();
    await clock.advance(1);
    same = state() === before ? same + 1 : 0;
  }
}

const numbersOf = (written: string) =>
  [...written.matchAll(/^(\d+) rsp/gm)].map(([, number]) => Number(number));

test.each([
  ["into memory that all share", true],
  ["as Node does it", false],
])(
  "lines of several that are read %s, in any chunks, are stored as they are and answered in order",
  async (_, isShared) => {
    let nowMs = 1_000;
    vi.spyOn(performance, "now").mockImplementation(() => (nowMs += 0.7)); // reads are late, too
    const text = fc.stringMatching(/^[a-z]{0,80}$/);
    const sent = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), text), { maxLength: 300 });
    const sizes = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(sent, { minLength: 1, maxLength: 3 }), sizes, async (all, chunks) => {
        const world = rig();
        const clients = all.map((lines) => {
          const frames = lines.map(([app, said], at) => frame(at + 2, "syslog", line(app, said)));
          return { ...world.connect(isShared), wire: Buffer.from(frame(1, "open") + frames.join("")), at: 0 };
        });
        const sockets = clients.map(({ socket }) => socket);
        for (let turn = 0; clients.some(({ wire, at }) => at < wire.length); turn++) {
          for (const client of clients) {
            const end = client.at + chunks[turn % chunks.length]!;
            client.socket.send(client.wire.subarray(client.at, end));
            client.at = end;
            client.socket.poll();
          }
          if (turn % 3 === 0) await world.clock.advance(0);
        }
        await atRest(world, sockets);
        for (const [at, { socket }] of clients.entries())
          expect(numbersOf(socket.written)).toEqual([1, ...all[at]!.map((_, number) => number + 2)]);
        for (const app of [1, 2, 3]) {
          const said = all.flat().filter(([number]) => number === app);
          expect(world.log.messages(channelOf(app)).sort()).toEqual(said.map(([, text]) => text).sort());
        }
        if (all.length === 1)
          expect(world.log.messages(channelOf(1))).toEqual(
            all[0]!.filter(([app]) => app === 1).map(([, text]) => text),
          );
      }),
      { numRuns: 30 },
    );
  },
);

test("the answers of a read are one write", async () => {
  const world = rig();
  const { socket } = world.connect();
  const frames = Array.from({ length: 200 }, (_, at) => frame(at + 2, "syslog", line(1, "x")));
  socket.send(Buffer.from(frame(1, "open") + frames.join("")));
  await atRest(world, [socket]);
  expect(numbersOf(socket.written)).toHaveLength(201);
  expect(socket.writes).toBe(1);
});

test("rounds that are stored together are answered in turns, and each of them is", async () => {
  const world = rig();
  world.log.holding = true;
  const sockets = Array.from({ length: 100 }, () => world.connect().socket);
  for (const socket of sockets) {
    socket.send(Buffer.from(frame(1, "open") + frame(2, "syslog", line(1, "x"))));
    socket.poll();
  }
  await world.clock.advance(1);
  let nowMs = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => (nowMs += 0.5)); // an answer takes as long
  world.log.holding = false;
  const writes = () => sockets.reduce((sum, socket) => sum + socket.writes, 0);
  const inTurns: number[] = [];
  for (let before = 0; before < sockets.length; before = writes()) {
    world.log.release(100);
    await nextTurn();
    inTurns.push(writes() - before);
  }
  expect(Math.max(...inTurns)).toBeLessThanOrEqual(16); // all of them, before
  for (const socket of sockets) expect(numbersOf(socket.written)).toEqual([1, 2]);
});

test("a client that does not read its answers is not read, until it does", async () => {
  const world = rig();
  const { socket } = world.connect();
  socket.isRead = false;
  socket.send(Buffer.from(frame(1, "open") + frame(2, "syslog", line(1, "first"))));
  await atRest(world, [socket]);
  socket.send(Buffer.from(frame(3, "syslog", line(1, "second"))));
  await atRest(world, [socket]);
  expect(numbersOf(socket.written)).toEqual([1, 2]);
  expect(world.log.messages(channelOf(1))).toEqual(["first"]);
  socket.isRead = true;
  socket.emit("drain");
  await atRest(world, [socket]);
  expect(numbersOf(socket.written)).toEqual([1, 2, 3]);
});

test("its time for a first known token goes on meanwhile", async () => {
  let nowMs = 1_000;
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  const world = rig();
  const { socket, connection, closed } = world.connect();
  socket.isRead = false;
  socket.send(Buffer.from(frame(1, "open")));
  await atRest(world, [socket]);
  nowMs += 9_999;
  connection.checkPace();
  expect(closed).not.toHaveBeenCalled();
  nowMs += 1;
  connection.checkPace();
  expect(closed).toHaveBeenCalled();
});

test("what waits for a client that does not read is bounded, also where answers are longer than frames", async () => {
  const world = rig();
  const { socket } = world.connect();
  socket.send(Buffer.from(frame(1, "open")));
  await atRest(world, [socket]);
  socket.isRead = false;
  for (let at = 0; at < 20; at++) socket.send(Buffer.from("9 x 0\n".repeat(10_000)));
  await atRest(world, [socket]);
  expect(socket.written.length).toBeLessThanOrEqual(65 * KiB);
  expect(socket.bytes).toBeGreaterThan(0);
  for (let writes = 0; writes < socket.writes; ) {
    writes = socket.writes;
    socket.emit("drain");
    await atRest(world, [socket]);
  }
  expect(numbersOf(socket.written)).toHaveLength(200_001);
});

test("what a client still sends after a frame that is none is dropped, a read in a turn, until its answers are read", async () => {
  const world = rig();
  const { socket, closed } = world.connect();
  Object.assign(socket, { end: () => Object.assign(socket, { writableEnded: true }) });
  socket.send(Buffer.from(`${frame(1, "open")}${frame(2, "syslog", line(1, "kept"))}none`));
  socket.poll();
  await world.clock.advance(1);
  expect(numbersOf(socket.written)).toEqual([1, 2]);
  const reads: number[] = [];
  socket.send(Buffer.alloc(640 * KiB, "x"));
  while (socket.bytes > 0) {
    reads.push(socket.poll());
    await world.clock.advance(1);
  }
  expect(Math.max(...reads)).toBe(1); // all of it, before
  expect(world.log.messages(channelOf(1))).toEqual(["kept"]);
  await world.clock.advance(1_000);
  expect(closed).toHaveBeenCalled();
});

test("a server that stops does not wait for a client that does not read", async () => {
  const world = rig();
  const { socket, connection, closed } = world.connect();
  Object.assign(socket, { once: socket.once.bind(socket), end: () => {} });
  socket.isRead = false;
  socket.send(Buffer.from(frame(1, "open")));
  await atRest(world, [socket]);
  connection.stop();
  await world.clock.advance(1_000);
  expect(closed).toHaveBeenCalled();
});
