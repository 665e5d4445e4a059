/** Attacks that ask for little and often: connections, streams, files, sessions, counts, waits and heads, made and made again. */
import { setTimeout as delay } from "node:timers/promises";
import {
  type Attack,
  again,
  ask,
  call,
  called,
  fates,
  fillLog,
  frame,
  open,
  post,
  Raw,
  Tally,
  type Target,
} from "./attack.ts";

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

/** Opens this many connections. Each reads the answer to its request and then sends the next one. */
const asking =
  (count: number, askedBy: (target: Target, number: number) => string): Attack["run"] =>
  async (target, signal) => {
    let answers = 0;
    let number = 0;
    const tally = new Tally();
    const ask = () => {
      const raw = new Raw(target.port);
      let head = "";
      let missingBytes = 0; // of an answer whose head is here
      const send = () => raw.socket.write(askedBy(target, number++));
      raw.socket.on("data", (bytes: Buffer) => {
        if (missingBytes > 0) missingBytes -= bytes.length;
        else {
          head += bytes.toString("latin1");
          const end = head.indexOf("\r\n\r\n");
          if (end === -1) return;
          missingBytes = end + 4 + Number(/content-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0) - head.length;
          head = "";
        }
        if (missingBytes > 0) return;
        missingBytes = 0;
        answers++;
        send();
      });
      raw.socket.once("close", () => {
        tally.add(raw.fate);
        if (!signal.aborted) setTimeout(ask, 5);
      });
      send();
      return raw;
    };
    const raws = await open(count, signal, ask);
    await called(signal);
    return { ...fates(raws), ...tally.answers, answers };
  };

/** Opens connections, this many at a time. Each sends `said`, stays open for a while, and is closed. */
const churn =
  (count: number, openMs: number, said: (target: Target) => Promise<string>): Attack["run"] =>
  async (target, signal) => {
    const bytes = await said(target);
    const tally = new Tally();
    await again(count, signal, async () => {
      const raw = new Raw(target.port);
      if (bytes !== "") raw.socket.write(bytes);
      await delay(openMs);
      tally.add(raw.fate);
      raw.socket.destroy();
    });
    return tally.answers;
  };

async function streamOf(target: Target): Promise<string> {
  const made = await call(target, "POST", `/apps/${target.app}/log-sessions`, { lines: 100, tail: true });
  const { pathname, search } = new URL((JSON.parse(made.text) as { logplex_url: string }).logplex_url);
  return get(pathname + search, "Accept: text/event-stream\r\n");
}

const key = (target: Target) => `Authorization: Bearer ${target.key}\r\n`;

export const doorAttacks: Readonly<Record<string, Attack>> = {
  "connections opened and closed, 50 at a time": { run: churn(50, 1, async () => "") },
  "100 readers that reconnect to a stream of events every 50 ms": {
    prepare: fillLog,
    run: churn(100, 50, streamOf),
  },
  "heads of 15 KiB, 50 connections": {
    run: asking(50, () => get("/readyz", `X-Long: ${"x".repeat(15_000)}\r\n`)),
  },
  "heads of 20 KiB, 50 connections": {
    run: asking(50, () => get("/readyz", `X-Long: ${"x".repeat(20_000)}\r\n`)),
  },
  "other protocols asked for, 50 connections": {
    run: asking(50, () =>
      get(
        "/logs",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
      ),
    ),
  },
  "files of the page, 50 connections that read": {
    async run(target, signal) {
      const ofPage = (path: string) => get(path).replace("Host: a", "Host: 127.0.0.1");
      const { text } = await ask(target, "GET", "/", { headers: { host: "127.0.0.1" } });
      const paths = ["/", ...[...text.matchAll(/(?:src|href)="\.(\/[^"]+)"/g)].map(([, path]) => path!)];
      if (paths.length < 3) throw new Error(`the page names too few files: ${text}`);
      return asking(50, (_, number) => ofPage(paths[number % paths.length]!))(target, signal);
    },
  },
  "50 sessions asked for at a time": {
    run: asking(50, (target) => {
      const body = '{"lines":1500,"tail":true}';
      return `POST /apps/${target.app}/log-sessions HTTP/1.1\r\nHost: a\r\n${key(target)}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    }),
  },
  "log-histograms, each another one, 50 at a time": {
    prepare: fillLog,
    run: asking(50, (target, number) =>
      get(`/apps/${target.app}/log-histogram?match=a{${1 + (number % 900)}}`, key(target)),
    ),
  },
  "300 waits for what is wanted of an app, which changes all the time": {
    async run(target, signal) {
      const raws = await open(300, signal, () => {
        const raw = new Raw(target.port);
        const send = () =>
          raw.socket.write(get(`/apps/${target.app}/runner/wanted?after=100000000`, key(target)));
        raw.socket.on("data", send);
        send();
        return raw;
      });
      const tally = new Tally();
      await again(4, signal, async () => {
        const made = await call(target, "PATCH", `/apps/${target.app}/config-vars`, {
          A: String(Math.random()),
        });
        tally.add(`change ${made.status}`);
      });
      return { ...fates(raws), ...tally.answers };
    },
  },
  "wrong keys at the page's sign-in, 50 connections": {
    run: asking(50, (_, number) => {
      const body = JSON.stringify({ key: `wrong-${number}` });
      return `POST /web/session HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    }),
  },
  "POST /logs that waits for 100-continue, 300 connections": {
    async run(target, signal) {
      const body = frame("x");
      const head = `POST /logs HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ${Buffer.from(`token:${target.token}`).toString("base64")}\r\nContent-Type: application/logplex-1\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`;
      const raws = await open(300, signal, () => {
        const raw = new Raw(target.port);
        raw.socket.write(head);
        raw.socket.on("data", (bytes: Buffer) =>
          raw.socket.write(bytes.includes("100 Continue") ? body : head),
        );
        return raw;
      });
      await post(target, body);
      await called(signal);
      return fates(raws);
    },
  },
};
