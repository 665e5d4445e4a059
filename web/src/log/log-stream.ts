/**
 * Reads an app's log as a stream that reconnects: after a break it continues after the last line that it delivered, so
 * that nothing is missing or repeated. What arrives is parsed in slices of a frame; if the page cannot keep up, the
 * stream is not read.
 */

import { api } from "../api.ts";
import { ApiFailure } from "../api-failure.ts";
import type { SessionBody } from "../api-types.ts";
import { eventsIn, type StreamEvent } from "./event-stream.ts";
import { type Line, lineOf, type WireLine } from "./line.ts";
import { slice } from "./slice.ts";

export type StreamState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "broken"; readonly sinceMs: number; readonly why: string }
  /** All existing lines have been read, and no more come. */
  | { readonly kind: "searched" }
  | { readonly kind: "refused"; readonly why: string };

type StreamEvents = {
  readonly onLines: (lines: readonly Line[]) => void;
  readonly onState: (state: StreamState) => void;
  /** The connection is back: everything after `from` follows. */
  readonly onResumed: (from: string, seconds: number) => void;
  /** The log has been replaced by another. */
  readonly onReplaced: () => void;
};

/** The start: an app's newest lines, or a place. */
type StreamStart =
  | { readonly kind: "newest"; readonly lines: number; readonly since?: string }
  | { readonly kind: "since"; readonly since: string }
  | { readonly kind: "after"; readonly position: string };

const waitsMs = [250, 500, 1_000, 2_000, 5_000];

export class LogStream {
  readonly #app: string;
  readonly #filter: SessionBody;
  readonly #events: StreamEvents;
  readonly #stop = new AbortController();
  #position: string | undefined;
  #path: string | undefined;
  #brokenAtMs: number | undefined;

  constructor(app: string, filter: SessionBody, events: StreamEvents) {
    this.#app = app;
    this.#filter = filter;
    this.#events = events;
  }

  /** The place after the last line that was delivered. */
  get position(): string | undefined {
    return this.#position;
  }

  start(start: StreamStart): void {
    if (start.kind === "after") this.#position = start.position;
    void this.#run(start);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(start: StreamStart): Promise<void> {
    const { signal } = this.#stop;
    for (let tries = 0; !signal.aborted; tries++) {
      if (this.#brokenAtMs === undefined) this.#events.onState({ kind: "connecting" });
      let why = "The server ended the connection.";
      const before = this.#position;
      try {
        await this.#read(await this.#open(start));
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiFailure && error.status >= 400 && error.status < 500 && error.status !== 429)
          return this.#events.onState({ kind: "refused", why: error.message });
        why = error instanceof ApiFailure ? error.message : "The connection broke.";
      }
      if (signal.aborted) return;
      if (this.#position !== before) tries = 0; // a connection that brings nothing counts as one that fails
      this.#brokenAtMs ??= performance.now();
      this.#events.onState({ kind: "broken", sinceMs: this.#brokenAtMs, why });
      await wait(waitsMs[Math.min(tries, waitsMs.length - 1)]! * (0.75 + Math.random() / 2), signal);
    }
  }

  async #open(start: StreamStart): Promise<Response> {
    const { signal } = this.#stop;
    const after = this.#position;
    if (this.#path === undefined) {
      const extent = after === undefined ? extentOf(start) : { lines: 0 };
      this.#path = await api.openSession(
        this.#app,
        { ...this.#filter, ...extent, tail: true, format: "json" },
        signal,
      );
    }
    const response = await fetch(this.#path, {
      cache: "no-store",
      headers: { accept: "text/event-stream", ...(after !== undefined && { "last-event-id": after }) },
      signal,
    });
    if (response.ok) return response;
    this.#path = undefined; // expired: another session is opened
    if (response.status === 404) throw new ApiFailure(0, "The session is over.");
    throw new ApiFailure(response.status >= 500 ? 0 : response.status, "The server opens no stream.");
  }

  async #read(response: Response): Promise<void> {
    const { signal } = this.#stop;
    if (this.#brokenAtMs !== undefined && this.#position !== undefined)
      this.#events.onResumed(this.#position, (performance.now() - this.#brokenAtMs) / 1000);
    this.#brokenAtMs = undefined;
    this.#events.onState({ kind: "live" });
    for await (const events of eventsIn(response)) {
      await this.#take(events);
      if (signal.aborted) return;
    }
  }

  // Delivered in slices, so that a long history does not delay a frame.
  async #take(events: readonly StreamEvent[]): Promise<void> {
    let lines: Line[] = [];
    for (const { type, id, data } of events) {
      if (type === "message") lines.push(lineOf(JSON.parse(data) as WireLine));
      if (type === "log-replaced") this.#events.onReplaced();
      if (id !== undefined) this.#position = id;
      if (lines.length > 0 && lines.length % 16 === 0 && slice.isOver()) {
        this.#events.onLines(lines);
        lines = [];
        await slice.next();
        if (this.#stop.signal.aborted) return;
      }
    }
    if (lines.length > 0) this.#events.onLines(lines);
  }
}

function extentOf(start: StreamStart): SessionBody {
  if (start.kind === "after") return { lines: 0 };
  if (start.kind === "since") return { since: start.since };
  return { lines: start.lines, ...(start.since && { since: start.since }) };
}

/** Waits this long, or until the network is back. */
const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const over = new AbortController();
    const done = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { signal: over.signal });
    addEventListener("online", done, { signal: over.signal });
  });
