/** What victims' lines wait for on NATS, seen at the server's sockets: a module of `watch.ts`. */
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { clockMs } from "./steps.ts";

/** When a line was handed to the socket to NATS, and when its acknowledgement was read. */
type Stored = { readonly writing: number; written: number };

/** A publish to the log, up to the subject of its acknowledgement. */
const publishOfLog = /^HPUB log\.\S+ (\S+) /;
const headChars = 200;

/** By the numbers of lines. */
const stored = new Map<number, Stored>();
/** The lines of each publish that has no acknowledgement, by the subject that this comes to. */
const unanswered = new Map<string, readonly Stored[]>();

function written(piece: unknown): void {
  if (!Buffer.isBuffer(piece)) return;
  const [, reply] = publishOfLog.exec(piece.toString("latin1", 0, headChars)) ?? [];
  if (reply === undefined) return;
  const lines: Stored[] = [];
  for (const [, number] of piece.toString("latin1").matchAll(/ line=(\d+)/g)) {
    const line = { writing: clockMs(), written: 0 };
    stored.set(Number(number), line);
    lines.push(line);
  }
  if (lines.length > 0) unanswered.set(reply, lines);
}

function read(bytes: unknown, answered: (ms: number) => void): void {
  if (unanswered.size === 0 || !Buffer.isBuffer(bytes)) return;
  for (const [reply, lines] of unanswered) {
    if (!bytes.includes(`MSG ${reply} `)) continue;
    unanswered.delete(reply);
    for (const line of lines) {
      line.written = clockMs();
      answered(line.written - line.writing);
    }
  }
}

/** The times of a line that went to NATS and was acknowledged. */
export function storedOnNats(number: number): Stored | undefined {
  const line = stored.get(number);
  return line?.written ? line : undefined;
}

/** Calls `answered` with the time that each line's acknowledgement took. */
export function watchNats(answered: (ms: number) => void): void {
  subscribe("net.client.socket", (message) => {
    const { socket } = message as { socket: Socket };
    const { write, push } = socket;
    // Node takes a `write` of its own out of a socket that is about to connect.
    socket.once("connect", () => {
      socket.write = function (this: Socket, ...args: unknown[]) {
        written(args[0]);
        return Reflect.apply(write, this, args);
      } as typeof write;
    });
    socket.push = function (this: Socket, ...args: unknown[]) {
      read(args[0], answered);
      return Reflect.apply(push, this, args);
    } as typeof push;
  });
}
