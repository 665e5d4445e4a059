/**
 * The judge: numbered lines from several senders, counted at each end. A sender sends the same request again, under
 * the same dedup id, until it is acknowledged; a receiver writes down what comes first and what comes again.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { scanFrame } from "../../src/core/wire/frame.ts";
import { shuttleFrame } from "./frames.ts";

const marker = /\bledger sender=(\d+) n=(\d+)\b/;

/** What a line of the ledger says: its sender and its number. */
export const readMark = (text: string): { sender: number; n: number } | undefined => {
  const match = marker.exec(text);
  return match === null ? undefined : { sender: Number(match[1]), n: Number(match[2]) };
};

/** Sends lines 0…count-1 of one sender in requests of `linesEach`, each until it is acknowledged; how many it sent. */
export async function sendNumbered(options: {
  readonly url: () => string;
  readonly token: string;
  readonly sender: number;
  readonly count: number;
  readonly linesEach: number;
  readonly pauseMs?: number;
  /** Ends the sending early, between two requests. */
  readonly signal?: AbortSignal;
}): Promise<{ requests: number; retries: number; lines: number }> {
  let requests = 0;
  let retries = 0;
  let lines = 0;
  for (let n = 0; n < options.count && !options.signal?.aborted; n += options.linesEach) {
    const numbers = Array.from({ length: Math.min(options.linesEach, options.count - n) }, (_, i) => n + i);
    const body = Buffer.concat(numbers.map((at) => shuttleFrame(`ledger sender=${options.sender} n=${at}`)));
    const dedupId = randomUUID();
    for (requests++; !(await isAcknowledged(options, body, dedupId, numbers.length)); retries++)
      await delay(50);
    lines += numbers.length;
    if (options.pauseMs) await delay(options.pauseMs);
  }
  return { requests, retries, lines };
}

async function isAcknowledged(
  { url, token }: { url: () => string; token: string },
  body: Buffer,
  dedupId: string,
  lines: number,
): Promise<boolean> {
  try {
    const response = await fetch(`${url()}/logs`, {
      method: "POST",
      headers: {
        authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
        "content-type": "application/logplex-1",
        "logplex-msg-count": String(lines),
        "logplex-frame-id": dedupId,
      },
      body: new Uint8Array(body),
      signal: AbortSignal.timeout(10_000),
    });
    if (response.status >= 400 && response.status < 500)
      throw new TypeError(`refused: ${await response.text()}`);
    return response.status === 204;
  } catch (error) {
    if (error instanceof TypeError && error.message.startsWith("refused")) throw error;
    return false; // killed, resetting, or not listening yet: the same request goes out again
  }
}

/** Numbers of each sender in the order of their first arrival. */
export class Sightings {
  readonly first = new Map<number, number[]>();
  /** Lines that came again. */
  repeats = 0;
  /** Repeated lines that came under another parcel id than the first time. */
  renamed = 0;
  /** All lines, repeats and those without a mark included. */
  lines = 0;
  readonly #seen = new Map<string, string>();

  add(text: string, parcelId = ""): void {
    this.lines++;
    const mark = readMark(text);
    if (mark === undefined) return;
    const key = `${mark.sender} ${mark.n}`;
    const before = this.#seen.get(key);
    if (before !== undefined) {
      this.repeats++;
      if (before !== parcelId) this.renamed++;
      return;
    }
    this.#seen.set(key, parcelId);
    const numbers = this.first.get(mark.sender);
    if (numbers === undefined) this.first.set(mark.sender, [mark.n]);
    else numbers.push(mark.n);
  }

  /** Different marked lines so far. */
  get distinct(): number {
    return this.#seen.size;
  }

  /** The first sender whose first arrivals are not 0, 1, 2 … `count - 1`, in words. */
  flaw(senders: number, count: number): string | undefined {
    for (let sender = 0; sender < senders; sender++) {
      const numbers = this.first.get(sender) ?? [];
      const wrong = numbers.findIndex((n, at) => n !== at);
      if (wrong !== -1) return `sender ${sender}: number ${numbers[wrong]} came where ${wrong} was due`;
      if (numbers.length !== count) return `sender ${sender}: ${numbers.length} of ${count} lines`;
    }
    return undefined;
  }
}

/** How a receiver treats one request: an answer, or a fault. */
export type Treatment =
  | number
  | "hang"
  | "reset"
  | { readonly status: number; readonly headers: Record<string, string> };

/** A drain's destination that keeps a ledger. `treat` decides about each request before it is taken. */
export class LedgerReceiver {
  readonly sightings = new Sightings();
  readonly requests: { parcelId: string; count: number; treatment: Treatment; atMs: number }[] = [];
  readonly #server: Server;
  readonly #treat: (request: number) => Treatment;

  private constructor(treat: (request: number) => Treatment) {
    this.#treat = treat;
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async open(treat: (request: number) => Treatment = () => 200): Promise<LedgerReceiver> {
    const receiver = new LedgerReceiver(treat);
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/drain`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // the sender was killed in the middle of it
    }
    const treatment = this.#treat(this.requests.length);
    const parcelId = String(request.headers["logplex-frame-id"]);
    const count = Number(request.headers["logplex-msg-count"]);
    this.requests.push({ parcelId, count, treatment, atMs: Date.now() });
    if (treatment === "hang") return;
    if (treatment === "reset") return void request.socket.resetAndDestroy();
    const { status, headers } =
      typeof treatment === "number" ? { status: treatment, headers: {} } : treatment;
    if (status >= 200 && status < 300) this.#write(Buffer.concat(chunks), count, parcelId);
    response.writeHead(status, { "content-length": 0, ...headers }).end();
  }

  #write(body: Buffer, count: number, parcelId: string): void {
    let frames = 0;
    for (let at = 0; at < body.length; frames++) {
      const scan = scanFrame(body, at, body.length);
      if (scan.kind !== "frame") throw new Error(`the drain sent no frames at byte ${at}`);
      this.sightings.add(body.toString("utf8", scan.start, scan.end), parcelId);
      at = scan.end;
    }
    if (frames !== count) throw new Error(`Logplex-Msg-Count said ${count}, the body has ${frames}`);
  }
}
