/**
 * Tokens are moved and revoked while connections of two servers in one process are read. A line is its token's app's at some time
 * from the arrival of its read to the end of it, and nobody else's.
 */
import { EventEmitter } from "node:events";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ChannelId } from "../../../src/core/ids.ts";
import { SyslogConnection } from "../../../src/ingest/syslog/syslog-connection.ts";
import { SyslogWriter } from "../../../src/ingest/syslog/syslog-writer.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { octetCounted } from "../../support/frames.ts";
import { channelOf, FakeTokens, tokenOf } from "../registry.ts";
import { ScriptedLog } from "../scripted-log.ts";
import { syslogParts } from "../syslog-parts.ts";

const apps = 5;
const tokensMax = 6;
const time = "2026-01-02T03:04:05.000006+00:00";

/** A line that was sent, and the times of its read. */
type Sent = { readonly token: number; readonly text: string; readonly from: number; to: number };
/** Since when a token is of an app; null: of none. */
type Owned = { readonly since: number; readonly channel: ChannelId | null };

class Server {
  /** Counts the changes of tokens. */
  now = 0;
  readonly sent: Sent[] = [];
  readonly clock = new FakeClock();
  readonly #log = new ScriptedLog();
  readonly #tokens = new FakeTokens();
  readonly #owners = Array.from({ length: tokensMax }, (): Owned[] => []);
  readonly #parts: ReturnType<typeof syslogParts>;
  readonly #channels: readonly ChannelId[];

  /** `next`: a choice among so many. */
  constructor(first: number, next: (choices: number) => number) {
    this.#channels = Array.from({ length: apps }, (_, app) => channelOf(first + app));
    for (let token = 0; token < tokensMax; token++) this.#give(token, this.#channels[next(apps)]!);
    this.#parts = syslogParts({ log: this.#log, clock: this.clock, tokens: this.#tokens });
    const find = this.#tokens.find.bind(this.#tokens);
    this.#tokens.find = async (token) => {
      const found = await find(token);
      if (next(3) === 0) this.change(next);
      if (next(3) === 0) await settled(1); // others go on
      return found;
    };
  }

  change(next: (choices: number) => number): void {
    this.#give(next(tokensMax), this.#channels[next(apps + 1)] ?? null);
  }

  connect(): Connection {
    const { parts, options } = this.#parts;
    return new Connection(
      this,
      (socket) => new SyslogConnection(socket as never, parts, new SyslogWriter(options)),
    );
  }

  /** The lines that are not where they may be; `foreign`: channels of the other server. */
  misplaced(foreign: readonly ChannelId[]): string[] {
    const found = new Map<string, ChannelId>();
    for (const channel of [...this.#channels, ...foreign])
      for (const line of this.#log.lines(channel)) {
        const text = line.split("|").at(-1)!;
        if (found.has(text)) return [`${text} twice`];
        found.set(text, channel);
      }
    return this.sent
      .filter(({ token, text, from, to }) => {
        const owners = this.#owners[token]!.filter(
          ({ since }, at, all) => since <= to && (all[at + 1]?.since ?? Number.POSITIVE_INFINITY) > from,
        );
        return !owners.some(({ channel }) => channel === (found.get(text) ?? null));
      })
      .map(({ text }) => text);
  }

  get channels(): readonly ChannelId[] {
    return this.#channels;
  }

  #give(token: number, channel: ChannelId | null): void {
    this.#owners[token]!.push({ since: ++this.now, channel });
    if (channel === null) this.#tokens.revoke(tokenOf(token));
    else {
      this.#tokens.add(tokenOf(token), channel);
      this.#tokens.forget();
    }
  }
}

class Connection {
  isOver = false;
  readonly #server: Server;
  readonly #socket = new EventEmitter();
  #isPaused = true;
  #reading: Sent[] = [];
  #readsLeft = 6;

  constructor(server: Server, open: (socket: EventEmitter) => SyslogConnection) {
    this.#server = server;
    const resume = () => {
      this.#isPaused = false;
      this.#took();
    };
    const pause = () => {
      this.#isPaused = true;
    };
    Object.assign(this.#socket, { resume, pause, setTimeout: () => {}, destroy: () => {}, read: () => null });
    void open(this.#socket)
      .run()
      .then(() => (this.isOver = true));
    resume();
  }

  /** A read arrives, unless the connection waits. */
  read(next: (choices: number) => number): void {
    if (this.#isPaused || this.#readsLeft === 0) return;
    this.#readsLeft--;
    const { sent, now } = this.#server;
    this.#reading = Array.from({ length: 1 + next(12) }, (_, at) => ({
      token: next(tokensMax),
      text: `line ${sent.length + at}`,
      from: now,
      to: Number.POSITIVE_INFINITY,
    }));
    sent.push(...this.#reading);
    const frames = this.#reading.map(({ token, text }) =>
      octetCounted(`<190>1 ${time} host ${tokenOf(token)} web.1 ${next(3) === 0 ? "ID7" : "-"} - ${text}`),
    );
    this.#socket.emit("data", Buffer.concat(frames));
    if (!this.#isPaused) this.#took();
  }

  #took(): void {
    for (const line of this.#reading) line.to = this.#server.now;
    this.#reading = [];
    if (this.#readsLeft === 0) this.#socket.emit("end");
  }
}

test("lines are those of the app that has their token, however tokens move while they are read", async () => {
  let placed = 0;
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat()), async (numbers) => {
      const next = (choices: number): number => (numbers.next().value as number) % choices;
      const servers = [new Server(0, next), new Server(100, next)];
      const connections = [0, 1, 0, 1].map((server) => servers[server]!.connect());
      while (connections.some(({ isOver }) => !isOver)) {
        connections[next(4)]!.read(next);
        if (next(8) === 0) servers[next(2)]!.change(next);
        await settled(1);
        for (const { clock } of servers) await clock.advance(10);
      }
      for (const [at, server] of servers.entries()) {
        expect(server.misplaced(servers[1 - at]!.channels)).toEqual([]);
        placed += server.sent.length;
      }
    }),
    { numRuns: 150, endOnFailure: true },
  );
  expect(placed).toBeGreaterThan(5_000);
});
