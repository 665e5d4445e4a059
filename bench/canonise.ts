/**
 * What does canonising a line cost, by itself? Bodies of 100 lines of 200 bytes as senders write them, canonised in
 * place as POST /logs does, and sorted by their tokens as the syslog listener does. Best of many short
 * rounds, so that what else the machine does counts little; the ratio is to the last checkout given.
 * Run: node bench/canonise.ts [rounds] [folder of another checkout, to take turns with]
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { atOnce } from "../src/core/scheduling/steps.ts";

const linesEach = 100;
const bodiesEach = 200;
const token = "t.00000000-0000-4000-8000-000000000001";

type Checkout = { readonly name: string; readonly body: () => number; readonly frames: () => number };

function bodyOf(app: string): Buffer {
  const head = `<190>1 2026-01-02T03:04:05.000006+00:00 h ${app} web.1 - - `;
  const payload = `${head + "at=info method=GET path=/ ".repeat(9).slice(0, 199 - head.length)}\n`;
  return Buffer.from(`${payload.length} ${payload}`.repeat(linesEach));
}

async function open(folder: string): Promise<Checkout> {
  const load = (path: string) => import(pathToFileURL(resolve(folder, path)).href);
  const { canoniseBody } = await load("src/core/batch/canonise-body.ts");
  const { scanFrame } = await load("src/core/wire/frame.ts");
  const { FrameRouter } = await load("src/ingest/routing/router.ts");
  const record = { token, channel: "c", source: "app", createdAt: "" };
  const tokens = { peek: (text: string) => (text === token ? record : null), find: async () => record };
  const router = new FrameRouter({ tokens, tokensMax: 1000 });
  const options = { frameBytesMax: 262_144, nowMs: 0, token };
  const body = bodyOf("app");
  const routed = bodyOf(token);
  const work = Buffer.allocUnsafe(body.length);
  return {
    name: folder,
    body() {
      const start = performance.now();
      for (let i = 0; i < bodiesEach; i++) {
        body.copy(work);
        atOnce(canoniseBody(work, "app", options));
      }
      return ((performance.now() - start) * 1e6) / (bodiesEach * linesEach);
    },
    frames() {
      const start = performance.now();
      for (let i = 0; i < bodiesEach; i++) {
        const sorting = router.sort(0);
        for (let at = 0; at < routed.length; ) {
          const scan = scanFrame(routed, at, 262_144);
          sorting.add(routed, scan.start, scan.end);
          at = scan.end;
        }
        sorting.take();
      }
      return ((performance.now() - start) * 1e6) / (bodiesEach * linesEach);
    },
  };
}

const rounds = Number(process.argv[2] ?? 200);
const checkouts = await Promise.all([".", ...process.argv.slice(3)].map(open));
for (const what of ["body", "frames"] as const) {
  const best = checkouts.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round++)
    for (const [at, checkout] of checkouts.entries()) best[at] = Math.min(best[at]!, checkout[what]());
  for (const [at, { name }] of checkouts.entries())
    console.log(
      `${what}, ${name}: ${best[at]!.toFixed(0)} ns a line, × ${(best[at]! / best.at(-1)!).toFixed(2)}`,
    );
}
