/** Attacks on the HTTP door with requests that are pipelined, unread, very many, or never complete. */
import { setTimeout as delay } from "node:timers/promises";
import { type Attack, basic, call, called, fates, fillLog, frame, open, Raw, type Target } from "./attack.ts";

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const pipelineBytes = 65_000;
const pipelined = (requests: readonly string[]) => {
  const round = requests.join("");
  return round.repeat(Math.max(1, Math.floor(pipelineBytes / round.length)));
};

/** `count` connections, each with one write of pipelined requests. */
const flood = (
  requests: (target: Target) => readonly string[],
  { count = 45, times = 0, reads = false },
): Attack => ({
  async run(target, signal) {
    const [first = ""] = requests(target);
    const bytes = times > 0 ? first.repeat(times) : pipelined(requests(target));
    const raws = await open(count, signal, () => {
      const raw = new Raw(target.port, { reads });
      raw.socket.write(bytes);
      return raw;
    });
    await called(signal);
    return fates(raws);
  },
});

const pages = () => [
  get("/docs/json"),
  get("/metrics"),
  get("/docs/static/swagger-ui.css"),
  get("/readyz"),
  get("/apps"),
  get("/logs"),
  get("/nope"),
];

const session = (target: Target) =>
  call(target, "POST", `/apps/${target.app}/log-sessions`, { lines: 1500, tail: false });

export const httpAttacks: Readonly<Record<string, Attack>> = {
  "pipelined /docs/json, unread": flood(() => [get("/docs/json")], {}),
  "pipelined /metrics, unread": flood(() => [get("/metrics")], { count: 200 }),
  "pipelined files, 32 a connection, unread": flood(() => [get("/docs/static/swagger-ui-bundle.js")], {
    count: 200,
    times: 30,
  }),
  "pipelined pages of all kinds, read": flood(pages, { times: 0, reads: true }),
  "pipelined POST /logs, 30 a connection": {
    async run(target, signal) {
      const body = frame("x".repeat(100));
      const one = `POST /logs HTTP/1.1\r\nHost: a\r\nAuthorization: ${basic(target)}\r\nContent-Type: application/logplex-1\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const raws = await open(60, signal, () => {
        const raw = new Raw(target.port);
        const send = () => raw.socket.write(one.repeat(30));
        let answers = 0;
        raw.socket.on("data", (bytes: Buffer) => {
          answers += bytes.toString("latin1").split("HTTP/1.1 ").length - 1;
          if (answers >= 30) {
            answers = 0;
            send();
          }
        });
        send();
        return raw;
      });
      await called(signal);
      return fates(raws);
    },
  },
  "pipelined POST log-sessions, unread": flood(
    ({ app, key }) => {
      const body = '{"lines":10}';
      return [
        `POST /apps/${app}/log-sessions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      ];
    },
    { count: 60, times: 30 },
  ),
  "reconnecting flood of pipelines": {
    async run(target, signal) {
      const bytes = pipelined([get("/docs/json"), get("/metrics")]);
      let raws: Raw[] = [];
      let opened = 0;
      while (!signal.aborted) {
        for (const raw of raws) raw.socket.destroy();
        raws = Array.from({ length: 45 }, () => {
          const raw = new Raw(target.port);
          raw.socket.write(bytes);
          return raw;
        });
        opened += raws.length;
        await delay(100);
      }
      return { ...fates(raws), "connections made": opened };
    },
  },
  "900 connections that read no page": {
    async run(target, signal) {
      const bytes = get("/docs/static/swagger-ui-bundle.js").repeat(16);
      const raws = await open(900, signal, () => {
        const raw = new Raw(target.port, { reads: false });
        raw.socket.write(bytes);
        return raw;
      });
      await called(signal);
      return fates(raws);
    },
  },
  "3,000 connections with half a request": {
    async run(target, signal) {
      const raws = await open(3_000, signal, () => {
        const raw = new Raw(target.port);
        raw.socket.write("GET / HT");
        return raw;
      });
      await called(signal);
      return fates(raws);
    },
  },
  "/readyz as fast as it answers, 50 connections": {
    async run(target, signal) {
      let answers = 0;
      const raws = await open(50, signal, () => {
        const raw = new Raw(target.port);
        raw.socket.write(get("/readyz"));
        raw.socket.on("data", (bytes: Buffer) => {
          if (!bytes.toString("latin1").startsWith("HTTP/1.1 ")) return; // the rest of an answer
          answers++;
          raw.socket.write(get("/readyz"));
        });
        return raw;
      });
      await called(signal);
      return { ...fates(raws), answers };
    },
  },
  "100 sessions made and not read": {
    prepare: fillLog,
    async run(target, signal) {
      const raws: Raw[] = [];
      while (raws.length < 100 && !signal.aborted) {
        const made = await session(target);
        const url = new URL((JSON.parse(made.text) as { logplex_url: string }).logplex_url);
        const raw = new Raw(target.port, { reads: false });
        raw.socket.write(get(url.pathname + url.search));
        raws.push(raw);
      }
      await called(signal);
      return fates(raws);
    },
  },
};
