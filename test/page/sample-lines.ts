/** An hour of an app that does what apps do, the same each time. */
import type { SentLine } from "./page-world.ts";

const paths = ["/lists/42", "/lists", "/lists/7/items", "/healthz", "/login", "/search?q=milk"];
const red = "\u001b[31m";
const bold = "\u001b[1m";
const reset = "\u001b[0m";

/** Lines of the router and of dynos, by source. */
export function sampleLines(endMs: number, minutes = 60): { app: SentLine[]; heroku: SentLine[] } {
  const app: SentLine[] = [];
  const heroku: SentLine[] = [];
  let seed = 7;
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const pick = <One>(list: readonly One[]): One => list[Math.floor(random() * list.length)]!;
  for (let atMs = endMs - minutes * 60_000; atMs < endMs; atMs += 1_500 + 2_000 * random()) {
    const isBad = atMs > endMs - 14 * 60_000 && atMs < endMs - 10 * 60_000 && random() < 0.5;
    const dyno = pick(["web.1", "web.2"]);
    const path = pick(paths);
    const ms = Math.round(isBad ? 900 + 29_000 * random() : 6 + 90 * random() ** 3 * 10);
    const status = isBad ? 503 : pick([200, 200, 200, 200, 200, 201, 302, 404]);
    const trouble = isBad ? `at=error code=H12 desc="Request timeout" ` : "at=info ";
    heroku.push({
      message: `${trouble}method=${pick(["GET", "GET", "POST"])} path="${path}" host=todo.example.com request_id=${Math.floor(random() * 1e9)} fwd="10.1.2.3" dyno=${dyno} connect=1ms service=${ms}ms status=${status} bytes=${Math.floor(300 + 9_000 * random())} protocol=https`,
      dyno: "router",
      pri: 158,
      atMs,
    });
    app.push({ message: `Started GET "${path}" for 10.1.2.3`, dyno, atMs: atMs + 2 });
    if (isBad && random() < 0.6) app.push(...failure(dyno, atMs + 20));
    else
      app.push({
        message: `Completed ${status} OK in ${ms}ms (Views: 6.0ms | DB: 2.1ms)`,
        dyno,
        atMs: atMs + 11,
      });
    if (random() < 0.25) app.push(job(random, atMs + 240));
    if (random() < 0.02)
      app.push({ message: `WARN  pool is busy: 18 of 20 connections`, dyno, atMs: atMs + 300 });
    if (random() < 0.02)
      app.push({
        message: `${bold}${red}retry${reset} of payment 1184 in 30 s`,
        dyno: "worker.1",
        atMs: atMs + 310,
      });
  }
  for (let atMs = endMs - minutes * 60_000; atMs < endMs; atMs += 20_000)
    for (const [n, dyno] of ["web.1", "web.2", "worker.1"].entries())
      heroku.push({
        message: `source=${dyno} dyno=heroku.1 sample#memory_total=${(250 + 40 * n + 90 * Math.sin(atMs / 900_000 + n) + 60 * random()).toFixed(2)}MB sample#memory_quota=512.00MB`,
        dyno,
        pri: 158,
        atMs,
      });
  heroku.push({
    message: "Release v41 created by user ana@example.com",
    dyno: "api",
    pri: 158,
    atMs: endMs - 15 * 60_000,
  });
  heroku.sort((a, b) => a.atMs! - b.atMs!);
  return { app, heroku };
}

const job = (random: () => number, atMs: number): SentLine => ({
  message: JSON.stringify({
    level: "info",
    msg: "job done",
    job: "digest",
    user: Math.floor(random() * 900),
    ms: Math.floor(random() * 800),
    queue: { name: "mail", waits: 3 },
  }),
  dyno: "worker.1",
  atMs,
});

const failure = (dyno: string, atMs: number): SentLine[] => [
  { message: "PG::ConnectionBad: connection to server timeout expired", dyno, pri: 187, atMs },
  ...[31, 58, 112, 140, 201].map((line) => ({
    message: `    from app/models/list.rb:${line}:in 'fetch'`,
    dyno,
    pri: 190,
    atMs: atMs + 1,
  })),
];
