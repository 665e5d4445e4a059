/** A token lets whoever reads it write to an app: it comes out nowhere, whatever was wrong with the frame that brought it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CanonicalLines } from "../../src/core/batch/batch.ts";
import { Canoniser } from "../../src/core/batch/canonical.ts";
import { canoniseBody } from "../../src/core/batch/canonise-body.ts";
import { formatBatch } from "../../src/core/format/format.ts";
import { origin } from "../../src/core/position.ts";
import { atOnce } from "../../src/core/scheduling/steps.ts";
import { shortTokenOf } from "../../src/core/secrets/token-mask.ts";
import { emptyRecord } from "../../src/core/wire/otlp-logs.ts";
import type { FormatName } from "../../src/drains/destination.ts";
import { bodyFormats } from "../../src/drains/sinks/formats/all-formats.ts";
import { strictFrames } from "../../src/drains/sinks/formats/rfc5424.ts";
import { frameOf } from "../../src/ingest/otlp/otlp-frames.ts";
import { FrameRouter } from "../../src/ingest/routing/router.ts";
import { sampleOf } from "../../src/ingest/senders/fault-sample.ts";
import { FrameBuffer } from "../../src/ingest/syslog/frame-buffer.ts";
import { metricsRegistry } from "../../src/metrics.ts";
import { octetCounted } from "../support/frames.ts";
import { alone, channelOf, FakeTokens, type tokenOf } from "./registry.ts";

const tokens = new FakeTokens();
const uuid = (number: number) => `0a1b2c3d-4e5f-4678-9abc-${String(number).padStart(12, "0")}`;
const tokensOf = [1, 2].map((number) => {
  const token = `t.${uuid(number)}` as ReturnType<typeof tokenOf>;
  tokens.add(token, channelOf(number));
  return token;
});
const [mine, other] = tokensOf as unknown as [string, string];
for (const token of tokensOf) await tokens.find(token);

const router = new FrameRouter({ tokens, loops: alone.loops, tokensMax: 100 });
/** The same tokens with marks, so that a sender's host and APPNAME are kept. */
const markedTokens = new FakeTokens();
for (const [at, token] of tokensOf.entries()) {
  markedTokens.add(token, channelOf(at + 1));
  const record = markedTokens.records.get(token)!;
  markedTokens.records.set(token, { ...record, keepHostname: true, keepSource: true });
  await markedTokens.find(token);
}
const markedRouter = new FrameRouter({ tokens: markedTokens, loops: alone.loops, tokensMax: 100 });
const context = { drainToken: "d.1", appId: "app-id", appName: "shop", nowMs: 0 };
const nowMs = Date.UTC(2026, 0, 2);

/** Every form in which lines are shown, one after the other. */
function shown(lines: CanonicalLines): string {
  const all: Uint8Array[] = [lines.bytes];
  for (const format of Object.keys(bodyFormats) as FormatName[])
    all.push(...[atOnce(bodyFormats[format].write([lines], context))].flat());
  all.push(strictFrames([lines], { hostname: Buffer.from("d.1"), endsLines: true }));
  for (const format of ["text", "json", "raw"] as const)
    for (const transport of ["plain", "events"] as const)
      all.push(formatBatch({ ...lines, at: origin }, { format, transport }).bytes);
  return Buffer.concat(all).toString("latin1");
}

/** What a syslog connection makes of bytes: lines and what the server's log says of the others. */
async function overTcp(wire: Buffer, by = router, fallback?: string): Promise<string> {
  const frames = new FrameBuffer(1 << 18);
  const sorting = by.sort(nowMs, fallback);
  const said: string[] = [];
  frames.push(wire);
  const take = async () => {
    await sorting.add(frames.bytes, frames.start, frames.end);
    said.push(sampleOf(frames.bytes, frames.start, frames.end));
  };
  let next = frames.next();
  for (; next === "frame"; next = frames.next()) await take();
  if (next === "foreign") said.push(sampleOf(frames.bytes, frames.start, frames.end));
  else if (frames.finish()) await take();
  sorting.faults.tellTo({ note: (_, __, ___, sample) => said.push(sample!()) }, "here");
  return [...sorting.take().values()].flat().map(shown).join("\n") + said.join("\n");
}

/** What `POST /logs` with a token makes of a body. */
function overHttp(body: Buffer, token: string): string {
  const found = atOnce(canoniseBody(body, "app", { frameBytesMax: 1 << 18, nowMs, token }));
  return found.kind === "bad" ? "" : found.parts.map(shown).join("\n");
}

/** What `POST /v1/logs` makes of a record that has the text in every place. */
function overOtlp(text: string, token: string): string {
  const canoniser = new Canoniser("app", undefined, token);
  const places = [
    ["service.name", text],
    ["a", text],
    [text, "b"],
  ] as const;
  const found = { ...emptyRecord(), body: text, eventName: text, severityText: text, attributes: places };
  const frame = Buffer.from(frameOf(found, { resource: places, scope: text }, nowMs));
  canoniser.add(frame, 0, frame.length, nowMs);
  return shown(canoniser.take());
}

type Damage = (frame: string) => string;
const place = fc.nat(160);
const bit = fc.constantFrom(
  " ",
  "  ",
  "-",
  "x",
  "\n",
  "\r",
  "[",
  "]",
  '"',
  "\\",
  "<",
  ">",
  "1",
  ":",
  ".",
  "é",
  "\0",
  mine,
);
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(place, fc.nat(12)).map(
    ([at, length]) =>
      (frame: string) =>
        frame.slice(0, at) + frame.slice(at + length),
  ),
  fc.tuple(place, bit).map(
    ([at, more]) =>
      (frame: string) =>
        frame.slice(0, at) + more + frame.slice(at),
  ),
  fc.tuple(place, bit).map(
    ([at, put]) =>
      (frame: string) =>
        frame.slice(0, at) + put + frame.slice(at + put.length),
  ),
  fc.tuple(place, fc.nat(60), place).map(
    ([from, length, to]) =>
      (frame: string) =>
        frame.slice(0, to) + frame.slice(from, from + length) + frame.slice(to),
  ),
  fc.tuple(fc.nat(10), fc.nat(10)).map(([one, two]) => (frame: string) => {
    const words = frame.split(" ");
    [words[one], words[two]] = [words[two] ?? "", words[one] ?? ""];
    return words.join(" ");
  }),
);

const frame = fc.constantFrom<string[]>(
  `<30>1 2024-05-01T10:00:00.123456+00:00 box ${mine} web.1 - - text`,
  `<30>1 2024-05-01T10:00:00.123456+00:00 box ${mine} web.1 ID7 [a b="c"] text`,
  `<30>1 2024-05-01T10:00:00.123456+00:00 box ${mine} web.1 - at=info url=http://token:${mine}@here/logs`,
  `<30>Feb  3 04:05:06 box ${mine}[web.1]: text`,
  `<30>Feb  3 04:05:06 box cron: ${mine}`,
);

test("random damage to frames that carry a token", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(frame, fc.array(damage, { maxLength: 4 })), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (frames, isCountedAfter) => {
        const wire = Buffer.concat(
          frames.map(([whole, damages]) => {
            const damaged = damages.reduce((text, change) => change(text), whole);
            const length = Buffer.byteLength(isCountedAfter ? damaged : whole);
            return Buffer.from(`${Math.max(1, length)} ${damaged}`);
          }),
        );
        expect(await overTcp(Buffer.from(wire))).not.toContain(mine);
        expect(overHttp(Buffer.from(wire), mine)).not.toContain(mine);
        expect(await overTcp(Buffer.from(wire), markedRouter, mine)).not.toContain(mine);
        expect(overOtlp(wire.toString(), mine)).not.toContain(mine);
      },
    ),
    { numRuns: 1_500 },
  );
});

test("the second spelling comes out no more than the first, whatever was wrong with its frame", async () => {
  const short = shortTokenOf(mine)!;
  await fc.assert(
    fc.asyncProperty(frame, fc.array(damage, { maxLength: 4 }), async (whole, damages) => {
      const damaged = damages.reduce((text, change) => change(text), whole.replaceAll(mine, short));
      const wire = Buffer.from(`${damaged.replaceAll(mine, short)}\n`);
      for (const by of [router, markedRouter]) expect(await overTcp(wire, by, mine)).not.toContain(short);
      expect(overOtlp(wire.toString(), mine)).not.toContain(short);
    }),
    { numRuns: 1_000 },
  );
});

test("a length that takes in the next frame, which is another app's", async () => {
  const first = `<30>1 2024-05-01T10:00:00.123456+00:00 box ${mine} web.1 - - text`;
  const second = octetCounted(first.replace(mine, other));
  for (let more = 0; more <= second.length; more++) {
    const wire = Buffer.concat([Buffer.from(`${first.length + more} ${first}`), second]);
    const seen = await overTcp(wire);
    expect(seen).not.toContain(mine);
    expect(seen).not.toContain(other);
  }
});

test("no metric has a token", async () => {
  expect(await metricsRegistry.metrics()).not.toMatch(/t\.[0-9a-f]{8}-/);
});
