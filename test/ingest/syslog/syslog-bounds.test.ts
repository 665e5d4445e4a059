/** The bounds of syslog connections, apart from sockets. */
import { describe, expect, test } from "vitest";
import { SyslogPeers } from "../../../src/ingest/connections/syslog-peers.ts";
import { UnfinishedFrames } from "../../../src/ingest/connections/unfinished-frames.ts";

const holder = (name: string, closed: string[]) => ({
  address: name.split(" ")[0],
  isKnown: name.endsWith("known"),
  close: (reason: string) => void closed.push(`${name}: ${reason}`),
});

describe("connections", () => {
  function open(...names: string[]): string[] {
    const closed: string[] = [];
    const peers = new SyslogPeers({ connectionsMax: 4, addressConnectionsMax: 3 });
    for (const name of names) peers.enter(holder(name, closed));
    return closed;
  }

  test("within the bounds all stay", () => {
    expect(open("10.0.0.1 a", "10.0.0.1 b", "10.0.0.1 c", "10.0.0.2 d")).toEqual([]);
  });

  test("of one address: the oldest without a known token makes room", () => {
    expect(open("10.0.0.1 known", "10.0.0.1 b", "10.0.0.1 c", "10.0.0.1 d")).toEqual([
      "10.0.0.1 b: too_many_of_address",
    ]);
  });

  test("of one address: when all have brought a known token the new one is closed", () => {
    const known = Array(3).fill("10.0.0.1 known");
    expect(open(...known, "10.0.0.1 d", "10.0.0.2 e")).toEqual(["10.0.0.1 d: too_many_of_address"]);
  });

  test("in all: one of the address that has the most makes room for another address", () => {
    expect(open("10.0.0.1 a", "10.0.0.1 b", "10.0.0.1 c", "10.0.0.2 d", "10.0.0.3 e")).toEqual([
      "10.0.0.1 a: too_many",
    ]);
  });

  test("over IPv6 a whole network is one address", () => {
    expect(open("2001:db8::1 a", "2001:db8::2 b", "2001:db8::3 c", "2001:db8::4 d")).toEqual([
      "2001:db8::1 a: too_many_of_address",
    ]);
  });

  test("one that has left counts no more, however often it leaves", () => {
    const closed: string[] = [];
    const peers = new SyslogPeers({ connectionsMax: 1, addressConnectionsMax: 1 });
    const first = holder("10.0.0.1 known", closed);
    peers.enter(first);
    peers.leave(first);
    peers.leave(first);
    peers.enter(holder("10.0.0.1 known", closed));
    peers.enter(holder("10.0.0.2 c", closed));
    expect(closed).toEqual(["10.0.0.2 c: too_many"]);
  });
});

describe("unfinished frames", () => {
  test("at the bound the connection that has kept its frame for longest is closed", () => {
    const closed: string[] = [];
    const frames = new UnfinishedFrames(2_500);
    const [a, b, c] = ["a", "b", "c"].map((name) => holder(name, closed));
    frames.set(a!, 400, true);
    frames.set(b!, 400, true);
    frames.set(a!, 600, false); // the same frame goes on
    expect(closed).toEqual([]);
    frames.set(c!, 400, true);
    expect(closed).toEqual(["a: no_room"]);
    expect(frames.bytes).toBe(2 * (400 + 512));
  });

  test("another frame of the same connection is as young as it is", () => {
    const closed: string[] = [];
    const frames = new UnfinishedFrames(3_000);
    const [a, b, c] = ["a", "b", "c"].map((name) => holder(name, closed));
    frames.set(a!, 600, true);
    frames.set(b!, 600, true);
    frames.set(a!, 600, true);
    frames.set(c!, 600, true);
    expect(closed).toEqual(["b: no_room"]);
  });

  test("one that is alone over the bound is closed, and what ended is held no more", () => {
    const closed: string[] = [];
    const frames = new UnfinishedFrames(3_000);
    const [a, b] = ["a", "b"].map((name) => holder(name, closed));
    frames.set(a!, 4_000, true);
    expect(closed).toEqual(["a: no_room"]);
    frames.set(b!, 1_000, true);
    frames.set(b!, 0, false);
    frames.set(b!, 0, false);
    expect(frames.bytes).toBe(0);
  });
});
