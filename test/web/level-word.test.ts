import { expect, test } from "vitest";
import { levelWordOf } from "../../web/src/log/level-word.ts";
import { lineOf } from "../../web/src/log/line.ts";

const wordOf = (message: string, severity: "info" | "err" | "warning" = "info", dyno = "web.1") =>
  levelWordOf(
    lineOf({
      position: "1.1",
      line: 1,
      time: "2026-01-01T00:00:00Z",
      source: dyno === "router" ? "heroku" : "app",
      dyno,
      severity,
      message,
    }),
  );

test.each([
  ["payment failed: card declined", "err", "ERROR"],
  ["pool is busy", "warning", "WARN"],
  ['{"level":"error","msg":"payment failed"}', "info", "ERROR"],
  ['{"level":"warn","msg":"cart is old"}', "info", "WARN"],
  ["level=error msg=declined", "info", "ERROR"],
] as const)(
  "a level that the row of %j would tell by its colour alone has its word",
  (message, severity, word) => {
    expect(wordOf(message, severity)).toBe(word);
  },
);

test.each([
  ["payment taken", "info"],
  ["ERROR payment failed", "info"],
  ["WARN  pool is busy", "info"],
  ["ZeroDivisionError: division by zero", "err"],
  ["Error R14 (Memory quota exceeded)", "err"],
] as const)("a row of %j, that says it or has no such level, has none", (message, severity) => {
  expect(wordOf(message, severity)).toBeUndefined();
});

test("a request of the router says it by its status", () => {
  expect(wordOf('at=error code=H12 method=GET path="/" status=503', "err", "router")).toBeUndefined();
});
