/** Whatever part of a line a secret is in, no destination gets it, in whatever format. */
import { describe, expect, test } from "vitest";
import type { Form } from "../../../src/core/batch/batch.ts";
import { noRedactions, type RedactionSpec } from "../../../src/core/patterns/redaction.ts";
import { atOnce } from "../../../src/core/scheduling/steps.ts";
import { bodyFormats } from "../../../src/drains/sinks/formats/all-formats.ts";
import { octetCounted } from "../../support/frames.ts";
import { redaction } from "../../support/redaction.ts";

const parts = ["source", "process", "msgid", "data", "message"] as const;
/** The form `logplex` has no MSGID and no structured data. */
const places = [
  ...parts.map((part) => [part, "rfc5424"] as const),
  ...(["source", "process", "message"] as const).map((part) => [part, "logplex"] as const),
];
const context = { drainToken: "d.1", appId: "id", appName: "shop", nowMs: 0 };

/** A line with `secret` in one part of it. */
function frameWith(part: (typeof parts)[number], secret: string, form: Form): Buffer {
  const of = (name: (typeof parts)[number], plain: string) => (name === part ? secret : plain);
  const rest =
    form === "rfc5424"
      ? `${of("msgid", "ID47")} [a@1 k="${of("data", "v")}"] ${of("message", "hello")}`
      : `- ${of("message", "hello")}`;
  const head = `<190>1 2026-01-02T03:04:05.000006+00:00 host ${of("source", "app")} ${of("process", "web.1")}`;
  return octetCounted(`${head} ${rest}\n`);
}

const secrets: readonly (readonly [name: string, secret: string, spec: RedactionSpec])[] = [
  ["an email", "ada@example.com", { detectors: ["email"] }],
  ["a card", "4111111111111111", { detectors: ["card"] }],
  ["an address", "203.0.113.77", { detectors: ["ip"] }],
  ["a token", "eyJhbGciOiJIUzI1.eyJzdWIi.c2ln", { detectors: ["bearer"] }],
  ["what a pattern finds", "acct-1234567", { patterns: ["acct-\\d{7}"] }],
  ["plain text", "hunter2", { patterns: ["hunter2"] }],
];

describe.each(secrets)("%s", (_, secret, spec) => {
  test.each(places)("in the %s of a line in the form %s", (part, form) => {
    const slice = { bytes: frameWith(part, secret, form), count: 1, form };
    expect(Buffer.from(slice.bytes).includes(secret)).toBe(true);
    const counts = noRedactions();
    const left = redaction(spec)(slice, counts);
    expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(1);
    for (const [name, format] of Object.entries(bodyFormats)) {
      const body = Buffer.concat([atOnce(format.write([left], context))].flat());
      expect(body.includes(secret), name).toBe(false);
      expect(body.includes("hello") || part === "message", name).toBe(true);
    }
  });
});

test("the frame stays one that syslog knows, and other parts stay as they are", () => {
  const spec: RedactionSpec = { detectors: ["email", "bearer"], patterns: ["web", "-"] };
  const long = "ada@example.com,bob@example.com,x";
  const slice = {
    bytes: octetCounted(
      `<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 ${long.slice(0, 32)} - hi-\n`,
    ),
    count: 1,
    form: "rfc5424",
  } as const;
  const left = redaction(spec)(slice, noRedactions());
  // A field may not grow beyond its bound; a nil value is nothing that a sender wrote.
  expect(Buffer.from(left.bytes).toString()).toBe(
    octetCounted(
      "<190>1 2026-01-02T03:04:05.000006+00:00 host app <redacted>.1 <redacted> - hi<redacted>\n",
    ).toString(),
  );
});
