import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realClock } from "../../../src/clock.ts";
import { scanRelp } from "../../../src/core/wire/relp.ts";
import { storeFull } from "../../../src/errors/store.ts";
import { ingestLimits } from "../../../src/ingest/limits.ts";
import { AppendQueues } from "../../../src/ingest/queues/append-queues.ts";
import { relpListener } from "../../../src/ingest/relp/relp.ts";
import { RelpBuffer } from "../../../src/ingest/relp/relp-buffer.ts";
import { until } from "../../support/until.ts";
import { alone, channelOf, FakeTokens, silent, tokenOf } from "../registry.ts";
import { ScriptedLog } from "../scripted-log.ts";

const app = channelOf(1);
let log: ScriptedLog;
let tokens: FakeTokens;
let noted: { cause: string; sample: string | undefined }[];
let listener: Awaited<ReturnType<typeof relpListener>>;
const sockets: Socket[] = [];

beforeEach(() => start());
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await listener.close();
});

async function start(bounds: Partial<Record<keyof typeof ingestLimits, number>> = {}) {
  log = new ScriptedLog();
  noted = [];
  tokens = new FakeTokens();
  for (let number = 1; number <= 3; number++) tokens.add(tokenOf(number), channelOf(number));
  const limits = { ...ingestLimits, ...bounds };
  listener = await relpListener({
    ...limits,
    host: "127.0.0.1",
    port: 0,
    queues: new AppendQueues({ log, clock: realClock, logger: silent, ...limits }),
    tokens,
    loops: alone.loops,
    faults: { note: (_, cause, __, sample) => void noted.push({ cause, sample: sample?.() }) },
    logger: pino({ level: "silent" }),
    clock: realClock,
  });
}

/** A client that has sent `text`, and the answers to it. */
async function client(text = "") {
  const socket = connect(listener.address.port, "127.0.0.1");
  sockets.push(socket);
  let answers = "";
  socket.on("data", (data) => (answers += data)).on("error", () => {});
  await once(socket, "connect");
  socket.write(text);
  return { socket, answers: () => answers };
}

const frame = (number: number, command: string, data = "") =>
  data === "" ? `${number} ${command} 0\n` : `${number} ${command} ${Buffer.byteLength(data)} ${data}\n`;
const opening = frame(1, "open", "relp_version=0\nrelp_software=librelp,1.11.0\ncommands=syslog");
const line = (text: string, number = 1) => `<190>1 - box ${tokenOf(number)} web.1 - - ${text}`;

test("a line is answered when it is durable, and not before", async () => {
  log.holding = true;
  const { socket, answers } = await client(
    opening + frame(2, "syslog", line("a")) + frame(3, "syslog", line("é")),
  );
  await until(() => log.heldCount > 0);
  expect(answers()).not.toContain("2 rsp");
  log.holding = false;
  log.release(10);
  await until(() => answers().includes("3 rsp 6 200 OK\n"));
  expect(answers()).toMatch(
    /^1 rsp \d+ 200 OK\nrelp_version=0\nrelp_software=tailrace\ncommands=syslog\n2 rsp 6 200 OK\n3 /,
  );
  expect(log.messages(app)).toEqual(["a", "é"]);
  socket.write(frame(4, "close"));
  await until(() => answers().endsWith("4 rsp 0\n0 serverclose 0\n"));
});

test("lines are answered, and so not stored again, though their client has ended its side", async () => {
  log.holding = true;
  const { socket, answers } = await client(opening + frame(2, "syslog", line("a")));
  socket.end();
  await until(() => log.heldCount > 0);
  log.holding = false;
  log.release(10);
  await once(socket, "close");
  expect(answers()).toMatch(/\n2 rsp 6 200 OK\n0 serverclose 0\n$/);
  expect(log.messages(app)).toEqual(["a"]);
});

test.each([
  ["no frame", "x", "not_relp"],
  ["a frame that is too long", `4 syslog ${ingestLimits.frameBytesMax + 1} x`, "frame_too_long"],
])("lines before %s are answered, and so not stored again", async (_, flaw, cause) => {
  const { socket, answers } = await client(
    opening + frame(2, "syslog", line("a")) + frame(3, "syslog", line("b")) + flaw,
  );
  await once(socket, "close");
  expect(answers()).toMatch(/\n2 rsp 6 200 OK\n3 rsp 6 200 OK\n$/);
  expect(log.messages(app)).toEqual(["a", "b"]);
  expect(noted).toMatchObject([{ cause }]);
});

test("a log that refuses is asked until it takes the lines; the next ones wait behind them, in order", async () => {
  log.failures.push(storeFull(undefined), storeFull(undefined));
  const { socket, answers } = await client(opening + frame(2, "syslog", line("a")));
  socket.write(frame(3, "syslog", line("b")) + frame(4, "syslog", line("c", 2)));
  await until(() => answers().includes("4 rsp 6 200 OK\n"));
  expect(log.messages(app)).toEqual(["a", "b"]);
  expect(log.messages(channelOf(2))).toEqual(["c"]);
});

test("what the log refuses waits within a bound; clients beyond it are closed unanswered, and bring it again", async () => {
  await listener.close();
  await start({ refusedBytesMax: 300_000 });
  log.failure = storeFull(undefined);
  const send = async (name: string) => {
    const wire = opening + frame(2, "syslog", line(`${name} ${"x".repeat(60_000)}`));
    const { socket, answers } = await client(wire);
    return { name, answers, isClosed: () => socket.closed };
  };
  const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
  const clients = await Promise.all(names.map(send));
  await until(() => clients.some(({ isClosed }) => isClosed()) && log.asked.length > 20);
  const closed = clients.filter(({ isClosed }) => isClosed());
  const waiting = clients.filter(({ isClosed }) => !isClosed());
  expect(waiting.length).toBeGreaterThan(1);
  for (const { answers } of clients) expect(answers()).not.toContain("2 rsp");
  log.failure = undefined;
  const again = await Promise.all(closed.map(({ name }) => send(name)));
  for (const { answers } of [...waiting, ...again]) await until(() => answers().includes("2 rsp 6 200 OK\n"));
  const stored = log.messages(app).map((message) => message.slice(0, 1));
  expect(stored.toSorted()).toEqual(names);
});

test("closing while the log refuses answers nothing: the client has the lines", async () => {
  log.failure = storeFull(undefined);
  const { answers } = await client(opening + frame(2, "syslog", line("a")));
  await until(() => log.asked.length > 0);
  await listener.close();
  expect(answers()).not.toContain("2 rsp");
});

test("closing while the registry fails answers nothing either", async () => {
  tokens.failure = storeFull(undefined);
  const { answers } = await client(opening + frame(2, "syslog", line("a")));
  await until(() => tokens.finds > 0);
  await listener.close();
  expect(answers()).not.toContain("2 rsp");
});

test("a frame without a known token is answered, dropped and told; other commands are refused", async () => {
  const { answers } = await client(
    opening +
      frame(2, "syslog", "<13>1 - h app - - - x") +
      frame(3, "eventlog", "x") +
      frame(4, "syslog", line("a")),
  );
  await until(() => answers().includes("4 rsp 6 200 OK\n"));
  expect(answers()).toContain("2 rsp 6 200 OK\n");
  expect(answers()).toMatch(/3 rsp \d+ 500 /);
  expect(noted).toMatchObject([{ cause: "no_token" }]);
});

test.each([
  ["plain syslog", `<13>1 - h ${tokenOf(1)} - - - x\n`, "not_relp"],
  ["HTTP", "GET / HTTP/1.1\r\n\r\n", "not_relp"],
  ["lines before open", frame(1, "syslog", line("a")), "not_relp"],
  ["a frame over 256 KiB", `${opening}2 syslog 262145 x`, "frame_too_long"],
])("%s closes the connection, and is told without a token", async (_, text, cause) => {
  const { socket } = await client(text);
  await once(socket, "close");
  expect(noted).toMatchObject([{ cause }]);
  expect(JSON.stringify(noted)).not.toContain(tokenOf(1));
  expect(log.lines()).toEqual([]);
});

test("a round has a bound: a client that sends without end is answered on the way", async () => {
  await listener.close();
  await start({ roundBytesMax: 1_000 });
  const { socket, answers } = await client(opening);
  for (let number = 2; number < 2_000; number++) socket.write(frame(number, "syslog", line(`n ${number}`)));
  await until(() => answers().includes("1999 rsp 6 200 OK\n"));
  expect(log.messages(app)).toEqual(Array.from({ length: 1998 }, (_, i) => `n ${i + 2}`));
  expect(answers().match(/ rsp /g)).toHaveLength(1999);
});

/** The frames of a stream in chunks of these sizes. */
function cut(wire: Uint8Array, sizes: readonly number[]) {
  const buffer = new RelpBuffer(1_000);
  const seen: string[] = [];
  for (let at = 0, turn = 0; at < wire.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    buffer.push(wire.slice(at, at + size));
    at += size;
    let next = buffer.next();
    for (; next === "frame"; next = buffer.next()) {
      const data = Buffer.from(buffer.bytes.subarray(buffer.start, buffer.end)).toString("latin1");
      seen.push(`${buffer.transaction} ${buffer.command} ${data}`);
    }
    if (next !== "more") return { seen, ended: next };
    expect(buffer.unfinishedBytes).toBeLessThanOrEqual(4_000);
  }
  return { seen, ended: "more" };
}

const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 });

test("frames survive any chunking", () => {
  const frames = fc.array(
    fc.tuple(fc.nat(999_999_999), fc.constantFrom("open", "syslog"), fc.uint8Array({ maxLength: 300 })),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(frames, sizes, (sent, chunks) => {
      const wire = sent.map(([number, command, data]) =>
        Buffer.concat([
          Buffer.from(`${number} ${command} ${data.length}${data.length === 0 ? "" : " "}`),
          data,
          Buffer.from("\n"),
        ]),
      );
      expect(cut(Buffer.concat(wire), chunks)).toEqual({
        seen: sent.map(
          ([number, command, data]) => `${number} ${command} ${Buffer.from(data).toString("latin1")}`,
        ),
        ended: "more",
      });
    }),
  );
});

test("any bytes come out the same in any chunking, and no frame ends beyond them", () => {
  const junk = fc.array(
    fc.oneof(
      fc.constantFrom(
        "1 open 0\n",
        "2 syslog 3 abc\n",
        "3 ",
        "x",
        " ",
        "\n",
        "1 syslog 2 abc\n",
        "9999999999 ",
      ),
      fc.string({ maxLength: 5 }),
    ),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(junk, sizes, (parts, chunks) => {
      const wire = Buffer.from(parts.join(""));
      expect(cut(wire, chunks)).toEqual(cut(wire, [Math.max(1, wire.length)]));
      const scan = scanRelp(wire, 0, 1_000);
      if (scan.kind === "frame") expect(scan.next).toBeLessThanOrEqual(wire.length);
      if (scan.kind === "more") expect(scan.bytesMissing).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});
