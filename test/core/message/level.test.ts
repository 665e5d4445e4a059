import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isAsBad, type Level, levelIn, levelOf, levels } from "../../../src/core/message/level.ts";

describe("the level of a line", () => {
  test.each<[text: string, level: Level | undefined]>([
    ['{"level":"error","msg":"x"}', "err"],
    ['Starting process with command `node -e {"level":"error"}`', undefined],
    ["Starting process with command `serve level=warn`", undefined],
    ["State changed from up to crashed", "err"],
    ["State changed from up to down", undefined],
    ["Process exited with status 137", "err"],
    ["Process exited with status 1", "err"],
    ["Process exited with status 143", undefined],
    ["Process exited with status 0", undefined],
    ['{"msg":"x","level":50,"time":1}', "err"],
    ['{"lvl":"WARN"}', "warning"],
    ['{"severity": "CRITICAL"}', "crit"],
    ['{"short_message":"x","level":3}', "err"],
    ["level=warn msg=x", "warning"],
    ['time=1 severity="debug" x=1', "debug"],
    ["at=error code=H12 desc=x", "err"],
    ["sock=client at=warning code=H27", "warning"],
    ['at=info method=GET path="/" status=500 bytes=0', "err"],
    ['at=info method=GET path="/" service=503ms status=404 bytes=500', "info"],
    ["2026-01-02 03:04:05,123 ERROR app.main: x", "err"],
    ["E, [2026-01-02T03:04:05.1 #7] ERROR -- : x", "err"],
    ["[error] 7#7: *1 open() failed", "err"],
    ["2026/01/02 03:04:05 [warn] x", "warning"],
    ["<4>x", undefined],
    ["Warning: x", "warning"],
    ["TypeError: x is not a function", "err"],
    ["java.io.IOException: x", "err"],
    ["Traceback (most recent call last):", "err"],
    ["panic: runtime error", "emerg"],
    ["Error R14 (Memory quota exceeded)", "err"],
    ["Error L10 (output buffer overflow): x", "warning"],
    ["the level: high", undefined],
    ["GET /ERROR 200", undefined],
    ["no errors were found", undefined],
    ["", undefined],
  ])("%s", (text, level) => {
    expect(levelIn(text)).toBe(level);
    for (const severity of levels) expect(levelOf(text, severity)).toBe(level ?? severity);
  });

  test("that JSON or logfmt names is found, whatever stands around it", () => {
    const other = fc.dictionary(fc.constantFrom("a", "msg", "id"), fc.stringMatching(/^[a-z ]{0,9}$/));
    const word = fc.constantFrom(...levels);
    fc.assert(
      fc.property(other, other, word, (before, after, level) => {
        expect(levelIn(JSON.stringify({ x: before, level, ...after }))).toBe(level);
        expect(levelIn(`a=1 level=${level} b=${JSON.stringify(after.msg ?? "")}`)).toBe(level);
      }),
    );
  });

  test("orders as syslog does", () => {
    expect(isAsBad("err", "warning")).toBe(true);
    expect(isAsBad("warning", "warning")).toBe(true);
    expect(isAsBad("info", "warning")).toBe(false);
  });
});
