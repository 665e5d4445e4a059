/**
 * What a turn of the event loop reads of many connections that come at one moment with a long frame each, counted: the looks at
 * the time are the only time that passes.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SyslogConnection } from "../../src/ingest/syslog/syslog-connection.ts";
import { SyslogWriter } from "../../src/ingest/syslog/syslog-writer.ts";
import { firstReadBytesMax, readBytesMax } from "../../src/sockets/socket-reads.ts";
import { FakeTokens } from "../ingest/registry.ts";
import { ScriptedLog } from "../ingest/scripted-log.ts";
import { syslogParts } from "../ingest/syslog-parts.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { KernelSocket } from "../support/kernel-socket.ts";

const connections = 100;
/** A read has two looks; it takes as long as this. */
const readMs = 0.5;

beforeEach(() => {
  let nowMs = 1_000;
  vi.spyOn(performance, "now").mockImplementation(() => (nowMs += readMs));
});
afterEach(() => vi.restoreAllMocks());

test("what a turn reads of frames without an end is bounded by its time, and what is left waits in the system", async () => {
  const { options, parts } = syslogParts({
    log: new ScriptedLog(),
    clock: new FakeClock(),
    tokens: new FakeTokens(),
  });
  const sockets = Array.from({ length: connections }, (_, at) => {
    const socket = new KernelSocket(`10.0.0.${at % 4}`);
    void new SyslogConnection(socket as never, parts, new SyslogWriter(options)).run();
    socket.send(Buffer.concat([Buffer.from("260000 <190>1 "), Buffer.alloc(250_000, "x")]));
    return socket;
  });
  const left = () => sockets.reduce((sum, { bytes }) => sum + bytes, 0);
  const taken: number[] = [];
  for (let before = left(); before > 0; before = left()) {
    for (const socket of sockets) socket.poll();
    taken.push(before - left());
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [first = 0, ...others] = taken;
  // Each connection is read once when it has come; that does not wait.
  expect(first).toBeLessThanOrEqual(connections * firstReadBytesMax + 5 * readBytesMax);
  expect(Math.max(...others)).toBeLessThanOrEqual(16 * readBytesMax);
});
