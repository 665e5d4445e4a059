import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { pino } from "pino";
import { expect, test } from "vitest";
import { newChannelId, newDrainToken, newToken } from "../src/core/ids.ts";
import { operatorKeyId } from "../src/registry/keys.ts";
import { newKeySecret } from "../src/registry/secrets.ts";
import { withoutSecrets, writtenLine } from "../src/server-log.ts";
import { SessionUrls } from "../src/tail/session-url.ts";

const operatorSecret = 'the operator\'s own "word"';
const urls = new SessionUrls({
  secret: randomBytes(32),
  clock: { nowMs: () => 1, monotonicMs: () => 1, sleep: async () => {} },
  operatorSecret,
});
const newSession = () =>
  urls.issue({
    keyId: operatorKeyId,
    channel: newChannelId(),
    lines: 1,
    tail: true,
    filter: {},
    format: "text",
  });

/** Something secret, and a text that a careless line may have it in. */
const secrets = fc.constantFrom<() => readonly [secret: string, text: string]>(
  () => pair(newKeySecret(), (key) => `key ${key} is wrong`),
  () => pair(newKeySecret(), (key) => `Authorization: Bearer ${key}`),
  () => pair(Buffer.from(`x:${newKeySecret()}`).toString("base64"), (basic) => `basic ${basic}`),
  () => pair(newToken(), (token) => `<190>1 - host ${token} web.1 - - hello`),
  () => pair(newToken(), (token) => `http://token:${token}@logs.example.com/logs`),
  () => pair(newDrainToken(), (token) => `Logplex-Drain-Token: ${token}`),
  () => pair(newSession(), (id) => `GET /sessions/${id}?after=0.0 HTTP/1.1`),
  () => pair(newSession(), (id) => `https://logs.example.com/sessions/${id}`),
  () => pair("pass-word", (word) => `nats://user:${word}@n1:4222`),
  () => pair("api-secret", (word) => `https://in.example.com/v1?key=${word}&x=${word}#a`),
  () => pair(operatorSecret, (word) => `given: ${word}`),
);
const pair = (secret: string, textOf: (secret: string) => string) => [secret, textOf(secret)] as const;

/** What pino writes for an error that has `text` in its message, its stack, a field and a cause. */
function logged(text: string, around: string): string {
  let line = "";
  const logger = pino({}, { write: (written: string) => (line += writtenLine(written, [operatorSecret])) });
  const err = Object.assign(new Error(`${around} ${text}`, { cause: new Error(text) }), { input: text });
  logger.error({ err, url: text, list: [text], nested: { text } }, `${text} ${around}`);
  return line;
}

test("a line holds no secret, wherever an error carries it, and stays JSON that says the rest", () => {
  fc.assert(
    fc.property(secrets, fc.string({ maxLength: 40 }), (make, around) => {
      const [secret, text] = make();
      const line = logged(text, around);
      expect(line).not.toContain(JSON.stringify(secret).slice(1, -1));
      expect(JSON.parse(line)).toMatchObject({ level: 50, err: { type: "Error" } });
    }),
    { numRuns: 500 },
  );
});

test.each([
  "listening on http://127.0.0.1:8601, syslog 127.0.0.1:6001",
  "drain 01234567-89ab-4cde-8f01-23456789abcd of app 11234567-89ab-4cde-8f01-23456789abcd",
  "https://logs.example.com/a/b: ECONNREFUSED",
  "Is that basic enough? Ask ops@example.com: nats://n1:4222",
])("%s stays as it is", (text) => {
  expect(withoutSecrets(text, [])).toBe(text);
});

test("a long line costs little", () => {
  for (const text of ["a", "http://", "t.", "basic ", "/sessions/"].map((part) =>
    part.repeat(200_000 / part.length),
  )) {
    const beforeMs = process.cpuUsage().user / 1000;
    withoutSecrets(text, [operatorSecret]);
    expect(process.cpuUsage().user / 1000 - beforeMs).toBeLessThan(2_000);
  }
});

test("a line drives no terminal, and stays the JSON that it was", () => {
  const control = fc.constantFrom("\u001b[2J", "\u009b2J", "\u0085", "\u202e", "\u2028", "\u007f", "\r", "é");
  fc.assert(
    fc.property(
      fc.array(control).map((parts) => parts.join("x")),
      (text) => {
        const line = logged(text, "said");
        expect(line).toMatch(/^[\t\x20-\x7e\u00e9]*\n$/);
        expect(JSON.parse(line)).toMatchObject({ url: text, nested: { text } });
      },
    ),
  );
});
