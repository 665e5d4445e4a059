import type { Socket } from "node:net";
import { splitLines } from "../../core/batch/lines.ts";
import type { ChannelId } from "../../core/ids.ts";
import { retryDelayMs } from "../../core/scheduling/retry.ts";
import { relpFrame } from "../../core/wire/relp.ts";
import { turns } from "../../turns.ts";
import { type ConnectionParts, FrameConnection } from "../connections/frame-connection.ts";
import { appendRetry } from "../limits.ts";
import { heldBytes } from "../queues/append-queue.ts";
import type { MemoryBudget } from "../queues/memory-budget.ts";
import type { ClosedBatch } from "../queues/open-batch.ts";
import type { Sorting } from "../routing/router.ts";
import { sampleOf } from "../senders/fault-sample.ts";
import type { SyslogOptions } from "../syslog/syslog.ts";
import { RelpBuffer } from "./relp-buffer.ts";
import { RoundAnswers } from "./round-answers.ts";
import { RoundLines } from "./round-lines.ts";

const offers = "200 OK\nrelp_version=0\nrelp_software=tailrace\ncommands=syslog";

export type RelpOptions = Omit<SyslogOptions, "host" | "port"> & {
  /** Bound of a batch; more lines are stored as several batches, one after the other. */
  readonly batchBytesMax: number;
  /** The most that is read from a client before its first frames are answered. */
  readonly roundBytesMax: number;
  /** Memory of rounds that the log refused, of all clients together. Beyond it, a client is closed and keeps its lines. */
  readonly refusedBytesMax: number;
};

/** Answers of a round; as many are written before its end. */
const answersBytesMax = 64 * 1024;
/** For a client to read its last answers. */
const hangUpMsMax = 1_000;

/** Frames that are stored, and then answered, together. */
type Round = { readonly sorting: Sorting; bytes: number };

/**
 * One client. It is read until a round is full, or others have their turn, or nothing more has arrived; the round is
 * stored, and then all of it is answered, in order. A client that gets no answer sends the same again over its next
 * connection; one that does not read its answers is not read either.
 */
export class RelpConnection extends FrameConnection<RelpBuffer, RelpOptions> {
  readonly #stop = new AbortController();
  /** Counts the rounds of all clients that the log refused. */
  readonly #refused: MemoryBudget;
  readonly #lines: RoundLines;
  readonly #answers = new RoundAnswers();
  #isOpen = false;
  /** True when the bytes after the last frame are none. */
  #isFlawed = false;
  #round: Round | undefined;
  /** The round that is being stored and answered. */
  #settling: Promise<void> | undefined;
  /** Ends a wait for the client to read its answers. */
  #wake: () => void = () => {};

  constructor(socket: Socket, parts: ConnectionParts<RelpOptions>, refused: MemoryBudget) {
    super(socket, parts, new RelpBuffer(parts.options.frameBytesMax));
    this.#refused = refused;
    this.#lines = new RoundLines(parts.options.queues.rooms, parts.options.tokens);
    for (const event of ["drain", "close"]) socket.on(event, () => this.#wake());
  }

  /** Stores and answers the current round if the log takes it at once, and then reads no more. */
  override stop(): void {
    this.#stop.abort();
    this.#wake();
    super.stop();
  }

  protected begin(): void {
    const { router, options } = this.parts;
    this.#lines.begin();
    if (this.hasRest) return;
    const sorting = router.sort(options.clock.nowMs(), this.fallback, this.#lines);
    this.#round = { sorting, bytes: 0 };
  }

  protected place(): Promise<unknown> | undefined {
    const { command, bytes, start, end } = this.frames;
    const round = this.#round!;
    if (!this.#isOpen && command !== "open") {
      this.close("not_relp", () => sampleOf(bytes, start, end));
      this.over();
      return undefined;
    }
    round.bytes += end - start;
    if (command === "syslog" && end > start) {
      if (this.#lines.placePlain(bytes, start, end)) round.sorting.placed++;
      else {
        const asking = round.sorting.add(bytes, start, end);
        if (asking !== undefined) return this.#placeLater(round, asking);
      }
    }
    this.#answer();
    return this.#answers.bytes < answersBytesMax ? undefined : this.rest();
  }

  protected placed(): void {
    this.pace.brought(this.#round!.sorting.placed);
  }

  // Frames before the flaw are stored and answered, or the client would repeat them for ever.
  protected flawed(flaw: "too_long" | "foreign"): void {
    const { bytes, start, end } = this.frames;
    this.#isFlawed = true;
    if (flaw === "too_long") this.tell("frame_too_long");
    else this.tell("not_relp", () => sampleOf(bytes, start, end));
    this.over();
  }

  protected override get hasRest(): boolean {
    return this.#answers.bytes > 0;
  }

  protected override get mustRest(): boolean {
    return this.#round !== undefined && this.#round.bytes >= this.parts.options.roundBytesMax;
  }

  protected override rest(): Promise<void> | undefined {
    if (!this.hasRest) return undefined;
    this.#settling = this.#settle(this.#round!, this.#answers.take());
    this.#round = undefined;
    return this.#settling;
  }

  protected async finish(): Promise<void> {
    this.rest();
    await this.#settling;
  }

  // A reset would overtake the answers, so what a client whose frame is none still sends is read for a moment.
  protected async leave(): Promise<void> {
    const { socket } = this;
    if (this.#isOpen && !socket.destroyed) {
      const gone = new AbortController();
      for (const event of this.#isFlawed ? ["close"] : ["finish", "close"])
        socket.once(event, () => gone.abort());
      socket.end(this.#isFlawed ? "" : relpFrame(0, "serverclose"));
      if (this.#isFlawed) socket.resume();
      const signals = this.#isFlawed ? [gone.signal, this.#stop.signal] : [gone.signal];
      await this.parts.options.clock.sleep(hangUpMsMax, AbortSignal.any(signals));
    }
    socket.destroy();
  }

  #answer(): void {
    const { transaction, command } = this.frames;
    if (command === "syslog") this.#answers.addStored(transaction);
    else this.#answers.add(transaction, this.#answerTo(command));
    if (command === "close") this.over();
  }

  #answerTo(command: string): string {
    switch (command) {
      case "open":
        this.#isOpen = true;
        return offers;
      case "close":
        return "";
      default:
        return "500 this command is not known here";
    }
  }

  // Asks a failing registry until it answers. If the server stops first, the client still has the lines of this round.
  async #placeLater(round: Round, asking: Promise<void>): Promise<void> {
    if (await this.#insist(this.triesOf(round.sorting, asking))) {
      this.#answer();
      return;
    }
    this.#answers.clear();
    this.over();
  }

  // Stores the lines, then answers, unless the server stops before they are stored.
  async #settle({ sorting }: Round, answers: string): Promise<void> {
    const { socket } = this;
    this.report(sorting, "relp");
    const stored = await Promise.all(
      this.#lines.take().map(([channel, batch]) => this.#store(channel, batch)),
    );
    if (stored.includes(false)) {
      this.over();
      return;
    }
    // One commit stores the rounds of many clients, and each has up to thousands of answers.
    if (turns.isOver) await turns.next(this.address ?? "");
    if (!socket.destroyed && !socket.write(answers, "latin1")) await this.#untilRead();
  }

  // The time that a client takes to read its answers is its own.
  #untilRead(): Promise<void> | undefined {
    if (this.#stop.signal.aborted) return undefined;
    this.pace.resume();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #store(channel: ChannelId, { lines, memory }: ClosedBatch): Promise<boolean> {
    const { queues, batchBytesMax } = this.parts.options;
    if (lines.bytes.length <= batchBytesMax)
      return this.#insist(() => queues.append(channel, lines, "relp", memory), heldBytes([lines], memory));
    // One batch at a time: a retry repeats a whole batch, so nothing is stored twice.
    for (const batch of splitLines(lines, batchBytesMax))
      if (!(await this.#insist(() => queues.append(channel, batch, "relp"), heldBytes([lines], memory))))
        return false;
    return true;
  }

  // Retries until it works; false when an attempt fails while the server is stopping, or its `bytes` may not wait.
  async #insist(attempt: () => Promise<unknown>, bytes = 0): Promise<boolean> {
    const { clock, logger } = this.parts.options;
    let held = 0;
    try {
      for (let failures = 0; ; failures++) {
        const isLast = this.#stop.signal.aborted;
        try {
          await attempt();
          return true;
        } catch (error) {
          if (failures === 0) logger.warn({ err: error }, "lines of a RELP connection wait for the log");
          // Unanswered, so the client still has the lines.
          if (isLast || this.socket.destroyed || !this.#refused.fits(bytes - held)) return false;
          this.#refused.hold(bytes - held);
          held = bytes;
          await clock.sleep(retryDelayMs(appendRetry, failures, Math.random()) ?? 0, this.#stop.signal);
        }
      }
    } finally {
      this.#refused.hold(-held);
    }
  }
}
