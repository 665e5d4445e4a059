import type { Socket } from "node:net";
import type { CanonicalLines } from "../../core/batch/batch.ts";
import { stepFrames } from "../../core/batch/canonical.ts";
import { splitLines } from "../../core/batch/lines.ts";
import type { ChannelId } from "../../core/ids.ts";
import { retryDelayMs } from "../../core/scheduling/retry.ts";
import { relpFrame } from "../../core/wire/relp.ts";
import { droppedConnections, malformedFrames, unknownTokenFrames } from "../../metrics.ts";
import { turns } from "../../turns.ts";
import { SenderPace } from "../connections/sender-pace.ts";
import type { Closing } from "../connections/stream-listener.ts";
import { appendRetry } from "../limits.ts";
import type { Sorting } from "../routing/router.ts";
import { sampleOf } from "../senders/fault-sample.ts";
import type { SyslogOptions } from "../syslog/syslog.ts";
import type { SyslogParts } from "../syslog/syslog-connection.ts";
import { RelpBuffer } from "./relp-buffer.ts";

const offers = "200 OK\nrelp_version=0\nrelp_software=tailrace\ncommands=syslog";

export type RelpOptions = Omit<SyslogOptions, "host" | "port"> & {
  /** Bound of a batch; more lines are stored as several batches, one after the other. */
  readonly batchBytesMax: number;
  /** The most that is read from a client before its first frames are answered. */
  readonly roundBytesMax: number;
};

/** For a client to read its last answers. */
const hangUpMsMax = 1_000;

type Flaw = { readonly reason: "frame_too_long" | "not_relp"; readonly sample?: string };

/** The shared parts of all connections, and where lines go. */
type RelpParts = Omit<SyslogParts, "options"> & {
  readonly options: RelpOptions;
};

/**
 * One client. It is read until a round is full or nothing more has arrived; the round is stored, and then all of it
 * is answered, in order. A client that gets no answer sends the same again over its next connection.
 */
export class RelpConnection {
  /** Identifies the client for the bounds of addresses. */
  readonly address: string | undefined;
  readonly #socket: Socket;
  readonly #parts: RelpParts;
  readonly #frames: RelpBuffer;
  readonly #fallback: string | undefined;
  readonly #stop = new AbortController();
  readonly #pace = new SenderPace();
  #isOpen = false;
  #isClosing = false;
  /** The bytes behind the last frame are none. */
  #flaw: Flaw | undefined;
  #wake: () => void = () => {};

  constructor(socket: Socket, parts: RelpParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.address = socket.remoteAddress;
    this.#frames = new RelpBuffer(parts.options.frameBytesMax);
    this.#fallback = parts.fallbackOf(socket);
  }

  /** True once a frame with a known token has come. */
  get isKnown(): boolean {
    return this.#pace.isKnown;
  }

  /** Resolves when the connection is closed. Never rejects. */
  async run(): Promise<void> {
    const socket = this.#socket;
    for (const event of ["readable", "end", "close"]) socket.on(event, () => this.#wake());
    socket.on("error", () => {}); // `close` follows
    socket.setTimeout(this.#parts.options.connectionIdleMs, () => {
      if (!this.#pace.isPaused) this.close("idle");
    });
    try {
      await this.#read();
    } catch (error) {
      this.#parts.options.logger.error({ err: error }, "a RELP connection failed and was closed");
    }
    this.#parts.unfinished.set(this, 0, false);
    if (this.#flaw !== undefined) await this.#hangUp(this.#flaw);
    else if (this.#isOpen && !socket.destroyed) socket.end(relpFrame(0, "serverclose"));
    else socket.destroy();
    socket.destroySoon();
  }

  /** Stores and answers the current round if the log takes it at once, and then reads no more. */
  stop(): void {
    this.#stop.abort();
    this.#wake();
  }

  /** Closes the connection at a bound; this is counted, and reported in the server's log. */
  close(reason: Closing | "not_relp", sample?: () => string): void {
    if (this.#isClosing) return;
    this.#tell(reason, sample);
    this.#socket.destroy();
    this.#wake();
  }

  #tell(reason: Closing | "not_relp", sample?: () => string): void {
    this.#isClosing = true;
    droppedConnections.inc({ reason });
    if (reason !== "idle") this.#parts.faults.note(this.address, reason, 1, sample);
  }

  /** Closes the client if it is too slow. Call this regularly. */
  checkPace(): void {
    const overrun = this.#pace.overrun(this.#parts.options);
    if (overrun !== undefined) this.close(overrun);
  }

  async #read(): Promise<void> {
    const { options, router } = this.#parts;
    for (let goesOn = true; goesOn && !this.#stop.signal.aborted; ) {
      const sorting = router.sort(options.clock.nowMs(), this.#fallback);
      const answers: string[] = [];
      let bytes = 0;
      for (let chunk = this.#chunk(); goesOn && chunk !== null; chunk = this.#chunk()) {
        bytes += chunk.length;
        goesOn = await this.#take(chunk, sorting, answers);
        if (bytes >= options.roundBytesMax) break;
      }
      if (answers.length > 0 && !(await this.#settle(sorting, answers))) return;
      const { readableEnded, destroyed } = this.#socket;
      if (readableEnded || destroyed) return;
      if (goesOn && bytes === 0) await this.#woken();
    }
  }

  #chunk = (): Buffer | null => this.#socket.read() as Buffer | null;

  // Frames before the flaw are stored and answered, or the client would repeat them for ever. A reset would overtake the
  // answers, so what it still sends is read for a moment.
  async #hangUp({ reason, sample }: Flaw): Promise<void> {
    const socket = this.#socket;
    if (!this.#isClosing) this.#tell(reason, sample === undefined ? undefined : () => sample);
    if (this.#isOpen && !socket.destroyed) {
      const gone = new AbortController();
      socket.once("close", () => gone.abort());
      socket.removeAllListeners("readable").resume().end();
      const over = AbortSignal.any([gone.signal, this.#stop.signal]);
      await this.#parts.options.clock.sleep(hangUpMsMax, over);
    }
    socket.destroy();
  }

  // Sorts the frames of a chunk; false when the session is over.
  async #take(chunk: Buffer, sorting: Sorting, answers: string[]): Promise<boolean> {
    const frames = this.#frames;
    const wasUnfinished = frames.isUnfinished;
    let count = 0;
    frames.push(chunk);
    let frame = frames.next();
    for (; frame.kind === "frame"; frame = frames.next()) {
      const { transaction, command, start, end } = frame;
      if (!this.#isOpen && command !== "open") {
        this.close("not_relp", () => sampleOf(frames.bytes, start, end));
        return false;
      }
      const asking = command === "syslog" && end > start ? sorting.add(frames.bytes, start, end) : undefined;
      if (asking !== undefined && !(await this.#sortLater(asking, sorting, start, end))) {
        answers.length = 0; // the server is stopping, and the client still has the lines of this round
        return false;
      }
      answers.push(relpFrame(transaction, "rsp", this.#answerTo(command)));
      if (command === "close") return false;
      if (++count % stepFrames === 0 && turns.isOver) await this.#ours(turns.next(this.address ?? ""));
    }
    if (count > 0) this.#parts.heard(this.address, "relp", count);
    this.#holdUnfinished(count > 0 || !wasUnfinished);
    if (frame.kind === "more") return true;
    const { bytes, at } = frames;
    this.#flaw =
      frame.reason === "frame_too_long"
        ? { reason: frame.reason }
        : { reason: "not_relp", sample: sampleOf(bytes, at, bytes.length) };
    return false;
  }

  #answerTo(command: string): string {
    switch (command) {
      case "open":
        this.#isOpen = true;
        return offers;
      case "close":
        return "";
      case "syslog":
        return "200 OK";
      default:
        return "500 this command is not known here";
    }
  }

  // Asks a failing registry until it answers; false when the server stops first.
  #sortLater(asking: Promise<void>, sorting: Sorting, start: number, end: number): Promise<boolean> {
    const { bytes } = this.#frames;
    let first: Promise<void> | undefined = asking;
    return this.#ours(
      this.#insist(async () => {
        const found = first ?? sorting.add(bytes, start, end);
        first = undefined;
        await found;
      }),
    );
  }

  // Stores the lines, then answers. False when the server stops before they are stored; they are then not answered.
  async #settle(sorting: Sorting, answers: readonly string[]): Promise<boolean> {
    this.#pace.brought(sorting.placed);
    const { faults } = sorting;
    malformedFrames.inc({ via: "relp" }, faults.count("no_token"));
    unknownTokenFrames.inc({ via: "relp" }, faults.count("unknown_token"));
    faults.tellTo(this.#parts.faults, this.address);
    const stored = await this.#ours(
      Promise.all([...sorting.take()].map(([channel, lines]) => this.#store(channel, lines))),
    );
    if (stored.includes(false)) return false;
    this.#socket.write(answers.join(""));
    return true;
  }

  async #store(channel: ChannelId, lines: CanonicalLines): Promise<boolean> {
    const { queues, batchBytesMax } = this.#parts.options;
    // One batch at a time: a retry repeats a whole batch, so nothing is stored twice.
    for (const batch of splitLines(lines, batchBytesMax))
      if (!(await this.#insist(() => queues.append(channel, batch, "relp")))) return false;
    return true;
  }

  // Retries until it works; false when an attempt fails while the server is stopping.
  async #insist(attempt: () => Promise<unknown>): Promise<boolean> {
    const { clock, logger } = this.#parts.options;
    for (let failures = 0; ; failures++) {
      const isLast = this.#stop.signal.aborted;
      try {
        await attempt();
        return true;
      } catch (error) {
        if (failures === 0) logger.warn({ err: error }, "lines of a RELP connection wait for the log");
        if (isLast || this.#socket.destroyed) return false; // unanswered, so the client still has the lines
        await clock.sleep(retryDelayMs(appendRetry, failures, Math.random()) ?? 0, this.#stop.signal);
      }
    }
  }

  #holdUnfinished(isNew: boolean): void {
    const { isUnfinished, unfinishedBytes } = this.#frames;
    this.#pace.took(isUnfinished, isNew);
    this.#parts.unfinished.set(this, unfinishedBytes, isNew);
  }

  async #ours<Value>(work: Promise<Value>): Promise<Value> {
    this.#pace.pause();
    try {
      return await work;
    } finally {
      this.#pace.resume();
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
