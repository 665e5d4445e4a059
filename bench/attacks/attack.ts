/** An attack, and the tools of attackers: connections that send anything, and read the answers or do not. */
import { once } from "node:events";
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** The server, and the app that the attacker has a token and a key for. */
export type Target = {
  readonly port: number;
  readonly syslogPort: number;
  readonly udpPort: number;
  readonly relpPort: number;
  /** The port of syslog over TLS; 0 unless the attack is over TLS. */
  readonly syslogTlsPort: number;
  readonly key: string;
  readonly app: string;
  readonly token: string;
};

export type Attack = {
  /** The doors speak TLS, and victims do. */
  readonly isTls?: true;
  /** Done before the quiet time is measured: what the attacker's app has in its log. */
  readonly prepare?: (target: Target) => Promise<void>;
  /** Attacks until `signal` is aborted. Resolves to the answers that the attacker got, and how often. */
  readonly run: (target: Target, signal: AbortSignal) => Promise<Answers>;
};

export type Answers = Readonly<Record<string, number>>;

/** Attackers come from here, victims do not. */
export const attackerAddress = "127.0.0.2";
const answerCharsMax = 70;

/** Counts answers. */
export class Tally {
  readonly answers: Record<string, number> = {};

  add(what: string, times = 1): void {
    const name = what.slice(0, answerCharsMax);
    this.answers[name] = (this.answers[name] ?? 0) + times;
  }
}

/** A connection of the attacker. */
export class Raw {
  readonly socket: Socket;
  got = "";
  failure = "";

  constructor(port: number, { reads = true, from = attackerAddress } = {}) {
    this.socket = connect({ host: "127.0.0.1", port, localAddress: from });
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      this.failure = error.code ?? "error";
    });
    if (!reads) this.socket.pause();
    else this.socket.on("data", (bytes: Buffer) => this.#read(bytes));
  }

  /** The first line of its answer; without one, whether it is open. */
  get fate(): string {
    const first = this.got.split("\r\n", 1)[0]!;
    return first || this.failure || (this.socket.destroyed ? "closed" : "open");
  }

  async closed(): Promise<void> {
    if (!this.socket.destroyed) await once(this.socket, "close").catch(() => {});
  }

  #read(bytes: Buffer): void {
    if (this.got.length < 1_000) this.got += bytes.toString("latin1");
  }
}

export const basic = ({ token }: Pick<Target, "token">): string =>
  `Basic ${Buffer.from(`token:${token}`).toString("base64")}`;

/** A frame with one line, as senders write it. */
export function frame(message: string, app = "app"): string {
  const line = `<190>1 2026-01-02T03:04:05.000006+00:00 host ${app} web.1 - - ${message}`;
  return `${Buffer.byteLength(line)} ${line}`;
}

export const frames = (count: number, message: string): string => frame(message).repeat(count);

/** The head of a `POST /logs` with a body of `length` bytes. */
export const postHead = (target: Target, length: number, more: readonly string[] = []): string =>
  [
    "POST /logs HTTP/1.1",
    "Host: a",
    `Authorization: ${basic(target)}`,
    "Content-Type: application/logplex-1",
    `Content-Length: ${length}`,
    ...more,
    "\r\n",
  ].join("\r\n");

type Answer = {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
};

const agent = new Agent({ keepAlive: true, maxSockets: 300, localAddress: attackerAddress });

/** Sends one request. The status is 0 if no answer came. */
export function ask(
  { port }: Target,
  method: string,
  path: string,
  { body = "", headers = {} }: { body?: string | Buffer; headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const all = { "content-length": String(Buffer.byteLength(body)), ...headers };
    const sent = request({ host: "127.0.0.1", port, method, path, agent, headers: all }, (response) => {
      let text = "";
      response.on("data", (bytes: Buffer) => {
        if (text.length < 10_000) text += bytes;
      });
      const done = () => resolve({ status: response.statusCode!, text, headers: response.headers });
      response.on("end", done).on("error", done);
    });
    sent.on("error", (error) => resolve({ status: 0, text: String(error), headers: {} }));
    sent.end(body);
  });
}

/** A call of the API with the attacker's key. */
export async function call(target: Target, method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = { authorization: `Bearer ${target.key}`, "content-type": "application/json" };
  return ask(target, method, path, {
    headers,
    body: body === undefined ? "" : JSON.stringify(body),
  });
}

/** Posts lines to the attacker's app. Resolves when they are durable. */
export const post = (target: Target, body: string | Buffer, headers = {}): Promise<Answer> =>
  ask(target, "POST", "/logs", {
    body,
    headers: { authorization: basic(target), "content-type": "application/logplex-1", ...headers },
  });

/** 15 MB of lines of 10 kB. */
export async function fillLog(target: Target): Promise<void> {
  for (let posted = 0; posted < 15; posted++) {
    const { status } = await post(target, frames(100, "a".repeat(9_900)));
    if (status !== 204) throw new Error(`the log was not filled: ${status}`);
  }
}

/** Resolves when the attack is called off. */
export async function called(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

/** Runs `count` workers, each of which repeats its work until the attack is called off. */
export async function again(count: number, signal: AbortSignal, work: (worker: number) => Promise<unknown>) {
  const worker = async (number: number) => {
    while (!signal.aborted) await work(number);
  };
  await Promise.race([Promise.all(Array.from({ length: count }, (_, n) => worker(n))), called(signal)]);
}

/** Opens connections, a few at a time, until there are `count` or the attack is called off. */
export async function open(
  count: number,
  signal: AbortSignal,
  make: (number: number) => Raw,
): Promise<Raw[]> {
  const made: Raw[] = [];
  while (made.length < count && !signal.aborted) {
    made.push(make(made.length));
    if (made.length % 20 === 0) await delay(5);
  }
  return made;
}

/** Closes the connections. Returns what became of each. */
export function fates(raws: readonly Raw[]): Answers {
  const tally = new Tally();
  for (const raw of raws) {
    tally.add(raw.fate);
    raw.socket.destroy();
  }
  return tally.answers;
}
