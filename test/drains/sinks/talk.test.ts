/** Receivers over TLS whose records say nothing. */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:tls";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { boundNoise, isTalk, noiseBytesMax, wireBytesRead } from "../../../src/drains/sinks/talk.ts";
import { kept } from "../../support/kept.ts";
import { openRawPeer } from "../../support/raw-peer.ts";
import { ca, serverTls } from "../../support/tls.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A socket that has read so many bytes, and so many of TLS below it. */
class FakeSocket extends EventEmitter {
  bytesRead = 0;
  readonly _handle = { _parent: { bytesRead: 0 } };
  failure: unknown;

  destroy(failure: unknown): void {
    this.failure = failure;
    this.emit("close");
  }
}

function watched() {
  const socket = new FakeSocket();
  boundNoise(socket as unknown as Socket);
  const reads = (bytes: number, wireBytes: number) => {
    socket.bytesRead = bytes;
    socket._handle._parent.bytesRead = wireBytes;
    vi.advanceTimersByTime(2_000);
    return socket.failure;
  };
  return { socket, reads };
}

test("one that sends records without content is hung up on, and nobody looks at it any more", () => {
  const { reads } = watched();
  expect(reads(0, 4_000)).toBeUndefined();
  expect(reads(0, noiseBytesMax)).toBeUndefined();
  expect(isTalk(reads(0, noiseBytesMax + 1))).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test("one that answers in records of one byte is not", () => {
  const { reads } = watched();
  expect(reads(1_000_000, 4_000 + 23 * 1_000_000)).toBeUndefined();
});

test("the bytes below TLS are known of a real connection", async () => {
  const peer = kept(await openRawPeer((socket) => socket.resume(), { tls: serverTls }));
  const socket = connect({ port: peer.port, host: "localhost", ca });
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  expect(socket.bytesRead).toBe(0);
  expect(wireBytesRead(socket)).toBeGreaterThan(500);
  socket.destroy();
});
