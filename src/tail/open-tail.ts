/**
 * One open stream: everything that it is told goes to its client, with back-pressure. It reads by itself while it is
 * behind, and shares a reading (`hub.ts`) while it is not.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Position } from "../core/position.ts";
import { tailLines } from "../metrics.ts";
import { turns } from "../turns.ts";
import type { Hub, Hubs, Member, TailPlace } from "./hub.ts";
import type { Stalls } from "./stalls.ts";
import type { TailPart } from "./tail-part.ts";
import type { Stream } from "./tails.ts";

const writeBytesMax = 65_536; // a stalled client counts as moving again once it has taken this much

/** Wrapped in an object, so that awaiting the joining does not await the leaving too. */
type Shared = { readonly left: Promise<TailPlace | undefined> };

/** One stream. Times are those of the monotonic clock. */
export class OpenTail implements Member {
  readonly stream: Stream;
  readonly #response: ServerResponse;
  readonly #stalls: Stalls;
  readonly #hubs: Hubs;
  #isStopped = false;
  /** Ends its own reading, while there is one: a signal takes most of a kilobyte, so it is not kept. */
  #reading: AbortController | undefined;
  #hub: Hub | undefined;
  #leave:
    | { readonly resolve: (place?: TailPlace) => void; readonly reject: (failure: unknown) => void }
    | undefined;
  #draining: Promise<void> | undefined;
  #sentPosition: Position | undefined;
  #isPositionSent = true;
  #isNew = true;
  /** True while a part, or a line of several parts, is written of which there is more. */
  #isAmidPart = false;
  partAtMs = performance.now();
  wroteAtMs = performance.now();
  stalledAtMs: number | undefined;

  constructor(response: ServerResponse, stream: Stream, stalls: Stalls, hubs: Hubs) {
    this.#hubs = hubs;
    this.#response = response;
    this.#stalls = stalls;
    this.stream = stream;
    response.once("close", () => this.stop());
    response.on("error", () => this.stop()); // a write may race with the client's leaving
    if (response.destroyed) this.stop(); // the client left while the session was opened
    stream.over.addEventListener("abort", () => this.#revoke(), { once: true });
    if (stream.over.aborted) this.#revoke();
    response.socket?.setKeepAlive(true, 60_000);
  }

  get socket(): Socket | null {
    return this.#response.socket;
  }

  /** Reads by itself until it is up to date, then with others, and by itself again when it falls behind them. */
  async run(): Promise<void> {
    let from: TailPlace | undefined;
    for (;;) {
      const shared = await this.#readAlone(from);
      from = await shared?.left;
      if (from === undefined || this.#isStopped) return;
      await this.#draining;
    }
  }

  // Resolves when it has joined others, with a promise of its leaving them; undefined when there is nothing more.
  async #readAlone(from: TailPlace | undefined): Promise<Shared | undefined> {
    if (this.#isStopped) return undefined;
    const { feed } = this.stream;
    const { signal } = (this.#reading = new AbortController());
    for await (const part of from === undefined ? this.stream.read(signal) : feed!.read(from, signal)) {
      if (signal.aborted) return undefined;
      await this.#send(part);
      const { position, next } = part;
      if (feed === undefined || position === undefined || next === undefined || signal.aborted) continue;
      const left = this.#untilLeft();
      this.#hub = this.#hubs.join(feed, { position, next }, this);
      if (this.#hub === undefined) continue;
      this.#reading = undefined;
      return { left };
    }
    return undefined;
  }

  // Resolves with the place to read on from; undefined when there is nothing more.
  #untilLeft(): Promise<TailPlace | undefined> {
    const left = new Promise<TailPlace | undefined>((resolve, reject) => {
      this.#leave = { resolve, reject };
    });
    left.catch(() => {}); // the failure of others may come before its own reading has ended
    return left;
  }

  take({ bytes, count, position }: TailPart): boolean {
    if (this.stalledAtMs !== undefined || this.#response.destroyed) return false;
    this.#tell(count, position);
    if (bytes.length > 0 && !this.#response.write(bytes)) this.#draining = this.#drained([bytes]);
    this.wroteAtMs = performance.now();
    return true;
  }

  left(place: TailPlace): void {
    this.#hub = undefined;
    this.#leave?.resolve(place);
  }

  ended(failure?: unknown): void {
    this.#hub = undefined;
    if (failure === undefined) this.#leave?.resolve();
    else this.#leave?.reject(failure);
  }

  // A part is sent whole unless the client leaves, since an unfinished event is lost to it. The system accepts some
  // megabytes for a client that reads nothing, as fast as they can be copied, so hundreds of streams that begin at
  // once take turns. Once the right to read is over, a part is not begun, and one that was begun is cut off.
  async #send({ bytes, count, position, isCut = false, of }: TailPart): Promise<void> {
    const response = this.#response;
    const held = of === undefined ? [bytes] : [bytes, of];
    this.partAtMs = performance.now();
    for (let at = 0; at < bytes.length && !response.destroyed; at += writeBytesMax) {
      if (turns.isOver) await turns.next(this.stream.channel);
      if (this.stream.over.aborted && this.#isAmidPart) this.cut();
      if (response.destroyed || this.stream.over.aborted) return;
      const isAll = bytes.length <= writeBytesMax;
      this.#isAmidPart = isCut || at + writeBytesMax < bytes.length;
      if (!response.write(isAll ? bytes : bytes.subarray(at, at + writeBytesMax))) await this.#drained(held);
      this.wroteAtMs = performance.now();
    }
    this.#tell(count, position); // a heartbeat while it waited had the place before it
    if (position === undefined || !this.#isNew) return;
    this.#isNew = false;
    if (count === 0 && this.stream.tail && this.stream.transport === "events") this.beat(); // makes it resumable from the start
  }

  #tell(count: number, position: Position | undefined): void {
    this.partAtMs = performance.now();
    if (count > 0) tailLines.inc({ transport: this.stream.transport }, count);
    if (position === undefined) return;
    this.#sentPosition = position;
    this.#isPositionSent = count > 0;
  }

  /**
   * Sends a comment, so that no proxy takes the stream for dead. If lines went by that the filter did not keep, the
   * new place goes with it: an id without data dispatches no event, and the client will resume from there.
   */
  beat(): void {
    if (this.#isAmidPart) return; // it waits for its turn
    const id = this.#isPositionSent ? "" : `id: ${this.#sentPosition}\n`;
    this.#isPositionSent = true;
    this.#response.write(`: ping\n${id}\n`);
    this.wroteAtMs = performance.now();
  }

  /** Stops reading; what was begun is sent. */
  stop(): void {
    this.#isStopped = true;
    this.#reading?.abort("stopped"); // a reason, because the default one is created with a stack trace
    this.#hub?.remove(this);
    this.#leave?.resolve();
  }

  /** Ends at once, whatever is under way. */
  cut(): void {
    this.#response.destroy();
    this.#stalls.end(this);
  }

  // Tells nothing more, and drops what a slow client has not taken yet.
  #revoke(): void {
    this.stop();
    if (this.stalledAtMs !== undefined) this.cut();
  }

  /** Resolves when the client has received the end of the stream, or is gone. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      const response = this.#response;
      if (response.destroyed || response.closed) return resolve();
      response.once("close", resolve);
      response.once("finish", resolve);
      this.stalledAtMs = performance.now();
      response.end();
    });
  }

  #drained(held: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve) => {
      const response = this.#response;
      if (!response.writableNeedDrain) return resolve();
      this.stalledAtMs = performance.now();
      const done = () => {
        this.stalledAtMs = undefined;
        this.#stalls.end(this);
        response.off("drain", done);
        response.off("close", done);
        resolve();
      };
      response.on("drain", done);
      response.on("close", done);
      this.#stalls.begin(this, ...held);
    });
  }
}
