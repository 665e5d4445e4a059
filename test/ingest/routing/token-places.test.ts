/** The places of a frame that name its token, in their order, and what the marks of a token keep of a sender's names. */
import { describe, expect, test } from "vitest";
import { shortTokenOf } from "../../../src/core/secrets/token-mask.ts";
import { FrameRouter } from "../../../src/ingest/routing/router.ts";
import { alone, channelOf, FakeTokens, tokenOf } from "../registry.ts";
import { ScriptedLog } from "../scripted-log.ts";

const tokens = new FakeTokens();
const [one, two, three] = [tokenOf(1), tokenOf(2), tokenOf(3)];
tokens.add(one, channelOf(1), "one");
tokens.add(two, channelOf(2), "two");
tokens.add(three, channelOf(3), "three");
const short = shortTokenOf(one)!;
const sd = (token: string) => `[tailrace@32473 token="${token}"]`;

/** The lines that a frame becomes, each as its source, process, MSGID, data and message. */
async function lines(frame: string, fallback?: string): Promise<string[]> {
  const router = new FrameRouter({ tokens, loops: alone.loops, tokensMax: 10 });
  const seen: string[] = [];
  for (let round = 0; round < 2; round++) {
    tokens.forget(); // the first look has to read the store, the second one need not
    const sorting = router.sort(0, fallback);
    for (let twice = 0; twice < 2; twice++) {
      const bytes = Buffer.from(frame);
      await sorting.add(bytes, 0, bytes.length);
    }
    const log = new ScriptedLog();
    for (const [channel, parts] of sorting.take())
      for (const lines of parts)
        log.stored.push({
          channel,
          batch: { ...lines, producer: "p" as never, firstLine: 0, acceptedAtMs: 0 },
        });
    seen.push(
      ...log.lines(),
      ...[...sorting.faults.causes()]
        .filter((cause) => cause !== "unreadable")
        .map((cause) => `fault ${cause}`),
    );
  }
  expect(new Set(seen).size).toBeLessThanOrEqual(1); // the same each time
  return [...new Set(seen)];
}

describe("the token of a frame", () => {
  test.each([
    ["APPNAME", `<13>1 - h ${one} web.1 - - x`, "one web.1 -|x"],
    ["APPNAME in its second spelling", `<13>1 - h ${short} web.1 - - x`, "one web.1 -|x"],
    ["APPNAME and MSGID, as Docker writes a tag", `<13>1 - h ${short} 7 ${short} - x`, "one 7 -|x"],
    ["the tag of BSD syslog", `<13>Jan  2 03:04:05 h ${one}[7]: x`, "one 7 -|x"],
    ["a tag in the second spelling", `<13>Jan  2 03:04:05 h ${short}: x`, "one - -|x"],
    ["structured data", `<13>1 - h nginx 7 - ${sd(two)} x`, "two 7 -|x"],
    ["structured data beside others", `<13>1 - h nginx 7 - [a b="c"]${sd(two)} x`, 'two 7 - [a b="c"]|x'],
    ["the same in front of others", `<13>1 - h nginx 7 - ${sd(two)}[a b="c"] x`, 'two 7 - [a b="c"]|x'],
    ["APPNAME before structured data", `<13>1 - h ${one} 7 - ${sd(two)} x`, undefined],
  ])("stands in %s", async (_, frame, expected) => {
    const found = await lines(frame, three);
    expect(found).toHaveLength(1);
    if (expected === undefined) expect(found[0]).toMatch(/^one 7 - \[tailrace@32473 token="t\.\*{8}-/);
    else expect(found).toEqual([expected]);
  });

  test("is the listener's or the certificate's where a frame names none", async () => {
    expect(await lines("<13>1 - h nginx 7 - - x", three)).toEqual(["three 7 -|x"]);
    expect(await lines("<13>Jan  2 03:04:05 h nginx[7]: x", three)).toEqual(["three 7 -|nginx[7]: x"]);
  });

  test("is no other one where a frame names one that nobody knows", async () => {
    expect(await lines(`<13>1 - h ${tokenOf(9)} 7 - - x`, three)).toEqual(["fault unknown_token"]);
    expect(await lines(`<13>1 - h nginx 7 - ${sd(tokenOf(9))} x`, three)).toEqual(["fault unknown_token"]);
    expect(await lines("<13>1 - h nginx 7 - - x", tokenOf(9))).toEqual(["fault unknown_token"]);
  });

  test("is missed where there is none at all", async () => {
    expect(await lines("<13>1 - h nginx 7 - - x")).toEqual(["fault no_token"]);
  });
});

describe("marks of a token", () => {
  const marked = (keep: { keepHostname?: true; keepSource?: true }) =>
    tokens.records.set(two, {
      ...tokens.records.get(two)!,
      keepHostname: undefined!,
      keepSource: undefined!,
      ...keep,
    });

  test("keep_hostname puts the host that a sender names before its process", async () => {
    marked({ keepHostname: true });
    expect(await lines(`<13>1 - box7 ${two} web.1 - - x`)).toEqual(["two box7.web.1 -|x"]);
    expect(await lines(`<13>Jan  2 03:04:05 box7 ${two}: x`)).toEqual(["two box7 -|x"]);
    for (const none of ["-", "host"])
      expect(await lines(`<13>1 - ${none} ${two} web.1 - - x`)).toEqual(["two web.1 -|x"]);
  });

  test("keep_source keeps APPNAME or the tag as the source, where it can be one", async () => {
    marked({ keepSource: true });
    expect(await lines("<13>1 - h heroku router - - x", two)).toEqual(["heroku router -|x"]);
    expect(await lines(`<13>1 - h nginx 7 ID [a b="c"]${sd(two)} x`)).toEqual(['nginx 7 ID [a b="c"]|x']);
    expect(await lines("<13>Jan  2 03:04:05 h nginx[7]: x", two)).toEqual(["nginx 7 -|x"]);
    expect(await lines(`<13>1 - h ${two} web.1 - - x`)).toEqual(["two web.1 -|x"]);
    for (const odd of ["[x]", "x".repeat(49), `d.${two.slice(2)}`, `x${two}`])
      expect(await lines(`<13>1 - h ${odd} 7 - - x`, two)).toEqual(["two 7 -|x"]);
  });

  test("both, over a frame that is no syslog, keep nothing", async () => {
    marked({ keepHostname: true, keepSource: true });
    expect(await lines("just some text here", two)).toEqual(["two - -|just some text here"]);
  });
});
