import fc from "fast-check";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { causes } from "../../../src/ingest/senders/fault-causes.ts";
import { sampleOf } from "../../../src/ingest/senders/fault-sample.ts";
import { SenderFaults } from "../../../src/ingest/senders/sender-faults.ts";
import { senderFaults } from "../../../src/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";

type Warning = { peer?: string; count?: number; msg: string; faults?: { cause: string; count: number }[] };

const minuteMs = 60_000;
let clock: FakeClock;
let warnings: Warning[];
let faults: SenderFaults;

function start(limits: { peersMax?: number; warningsMax?: number } = {}) {
  clock = new FakeClock();
  warnings = [];
  const logger = pino({}, { write: (line: string) => void warnings.push(JSON.parse(line)) });
  faults = new SenderFaults({ logger, clock, peersMax: 10, warningsMax: 20, everyMs: minuteMs, ...limits });
}

beforeEach(() => start());
afterEach(() => faults.close());

const logged = () =>
  warnings.map(({ peer, faults = [] }) => [peer, faults.map(({ cause, count }) => `${count} ${cause}`)]);

describe("a sender that does something wrong", () => {
  test("is told of at once: who, what, how often, how it begins, and the mend", () => {
    faults.note("192.0.2.7", "no_token", 3, () => "<13>1 - box app");
    expect(warnings).toMatchObject([
      {
        level: 40,
        peer: "192.0.2.7",
        msg: causes.no_token.what,
        faults: [{ cause: "no_token", count: 3, firstBytes: "<13>1 - box app", mend: causes.no_token.mend }],
      },
    ]);
  });

  test("is told of once in a minute, with all that came since", async () => {
    for (let n = 0; n < 100; n++) faults.note("192.0.2.7", "no_token");
    faults.note("192.0.2.7", "unknown_token", 7);
    faults.note("192.0.2.8", "no_token");
    expect(logged()).toEqual([
      ["192.0.2.7", ["1 no_token"]],
      ["192.0.2.8", ["1 no_token"]],
    ]);
    await clock.advance(minuteMs);
    expect(logged().slice(2)).toEqual([["192.0.2.7", ["99 no_token", "7 unknown_token"]]]);
    await clock.advance(5 * minuteMs);
    expect(warnings).toHaveLength(3);
    faults.note("192.0.2.7", "no_token");
    expect(warnings).toHaveLength(4);
  });

  test("what is untold is told at the end", async () => {
    faults.note("192.0.2.7", "tls", 2);
    faults.note("192.0.2.7", "tls", 5);
    await faults.close();
    expect(logged()).toEqual([
      ["192.0.2.7", ["2 tls"]],
      ["192.0.2.7", ["5 tls"]],
    ]);
  });

  test("each fault is counted by its cause, told or not", async () => {
    const count = async () =>
      (await senderFaults.get()).values.find(({ labels }) => labels.cause === "no_room")?.value ?? 0;
    const before = await count();
    for (let n = 0; n < 50; n++) faults.note(`192.0.2.${n}`, "no_room", 2);
    expect((await count()) - before).toBe(100);
  });
});

describe("very many senders that do something wrong", () => {
  test("over IPv6 a whole network is one, and an address that was mapped is itself", () => {
    faults.note("2001:db8:1:2:3::4", "no_token");
    faults.note("2001:db8:1:2::9", "no_token");
    faults.note("::ffff:192.0.2.1", "no_token");
    faults.note("192.0.2.1", "no_token");
    expect(logged().map(([peer]) => peer)).toEqual(["2001:db8:1:2::/64", "192.0.2.1"]);
  });

  test("fill neither the memory nor the log, and are counted together", async () => {
    start({ peersMax: 5, warningsMax: 3 });
    for (let n = 0; n < 1_000; n++) faults.note(`10.0.${n >> 8}.${n & 255}`, "no_token");
    expect(warnings).toHaveLength(3);
    await clock.advance(minuteMs);
    // The two that were met and not told, and one line for all others.
    expect(
      logged()
        .slice(3, 5)
        .map(([peer]) => peer),
    ).toEqual(["10.0.0.3", "10.0.0.4"]);
    expect(warnings[5]).toMatchObject({ count: 995 });
    expect(warnings).toHaveLength(6);
    await clock.advance(minuteMs);
    for (let n = 0; n < 5; n++) faults.note(`10.1.0.${n}`, "no_token");
    expect(warnings).toHaveLength(9); // those of before were forgotten
  });
});

describe("the first bytes of a frame in a warning", () => {
  const sample = (text: string | Uint8Array) => {
    const bytes = Buffer.from(text as string);
    return sampleOf(bytes, 0, bytes.length);
  };
  const token = "t.0a1b2c3d-4e5f-4678-9abc-def012345678";

  test.each([
    ["<30>1 2024-05-01T10:00:00Z box app 8 - - text", "<30>1 2024-05-01T10:00:00Z box app 8 - - text"],
    ["one\ntwo", "one"],
    ["\u0016\u0003\u0001\u0002", "\\x16\\x03\\x01\\x02"],
    ["é", "\\xc3\\xa9"],
    [`<30>1 - box ${token} x`, "<30>1 - box … x"],
    ["POST /logs HTTP/1.1\r\nAuthorization: Basic dG9rZW46dC4w", "POST /logs HTTP/1.1"],
    ["Authorization: Basic dG9rZW46dC4w", "Authorization: … …"],
    ["http://token:secret@host/logs", "http://token:…"],
    ["api_key=abc password: def", "api_key=… password: …"],
    [`${"word ".repeat(30)}`, `${"word ".repeat(20)}…`],
  ])("%j is shown as %j", (text, shown) => expect(sample(text)).toBe(shown));

  test("hide a token however it was damaged: no more than a few of its digits stand together", () => {
    const damage = fc.array(
      fc.tuple(fc.nat(60), fc.constantFrom("", " ", "x", "t", ".", "-", "0", "\n", "é"), fc.nat(2)),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(damage, fc.constantFrom(120, 90, 60, 0), (changes, before) => {
        let frame = `<30>1 ${"x ".repeat(before / 2)}box ${token} 8 - - text`;
        for (const [at, put, removed] of changes)
          frame = frame.slice(0, at) + put + frame.slice(at + removed);
        const shown = sample(frame);
        expect(shown).not.toContain(token);
        expect(shown.replace(/\\x[0-9a-f]{2}/g, "…")).not.toMatch(/[0-9a-f][0-9a-f-]{11,}/);
        expect(shown.length).toBeLessThanOrEqual(400);
      }),
    );
  });
});
