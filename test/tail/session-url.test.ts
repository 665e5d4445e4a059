import { createHmac, randomBytes, randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { newChannelId } from "../../src/core/ids.ts";
import { operatorKeyId } from "../../src/registry/keys.ts";
import {
  openingMsMax,
  resumingMsMax,
  type SessionSpec,
  SessionUrls,
  sessionIdCharsMax,
} from "../../src/tail/session-url.ts";

const clockAt = (start: number) => ({
  ms: start,
  monotonicMs: () => 0,
  nowMs() {
    return this.ms;
  },
  async sleep() {},
});

const keyId = randomUUID();

const spec: SessionSpec = {
  keyId,
  channel: newChannelId(),
  lines: 100,
  tail: true,
  filter: { sources: ["app"], dynos: ["web"], match: "é+" },
  format: "text",
};

describe("session URLs", () => {
  const secret = randomBytes(32);
  const operatorSecret = "the operator's key";
  const clock = clockAt(1_000_000);
  const urls = new SessionUrls({ secret, clock, operatorSecret });
  const opening = { resuming: false };

  test("carry what the session may show, in one path segment", () => {
    fc.assert(
      fc.property(
        fc.record({
          lines: fc.nat(),
          tail: fc.boolean(),
          sinceMs: fc.option(fc.nat(), { nil: undefined }),
          untilMs: fc.option(fc.nat(), { nil: undefined }),
          around: fc.option(fc.record({ before: fc.nat(100), after: fc.nat(100) }), { nil: undefined }),
          match: fc.string({ maxLength: 300 }),
          format: fc.constantFrom("text" as const, "json" as const, "raw" as const),
        }),
        ({ lines, tail, sinceMs, untilMs, around, match, format }) => {
          const wanted: SessionSpec = {
            keyId,
            channel: newChannelId(),
            lines,
            tail,
            ...(sinceMs !== undefined && { sinceMs }),
            ...(untilMs !== undefined && { untilMs }),
            ...(around !== undefined && { around }),
            filter: { match },
            format,
          };
          const id = urls.issue(wanted);
          expect(id).toMatch(/^[A-Za-z0-9_.-]+$/);
          expect(urls.read(id, opening)).toEqual(wanted);
        },
      ),
    );
  });

  test("differ even for equal sessions", () => {
    expect(urls.issue(spec)).not.toBe(urls.issue(spec));
  });

  test("are void when any character was changed, added or cut", () => {
    const id = urls.issue(spec);
    for (let at = 0; at < id.length - 1; at++) {
      const other = id[at] === "A" ? "B" : "A";
      expect(urls.read(id.slice(0, at) + other + id.slice(at + 1), opening)).toBeUndefined();
    }
    for (const bad of [id.slice(0, -4), `${id}.`, `.${id}`, "", ".", id.split(".")[0]!, "x".repeat(100_000)])
      expect(urls.read(bad, opening)).toBeUndefined();
  });

  test("are void under another secret", () => {
    const other = new SessionUrls({ secret: randomBytes(32), clock, operatorSecret });
    expect(other.read(urls.issue(spec), opening)).toBeUndefined();
  });

  test("name the key that they were made with, by its id", () => {
    const shown = (id: string) => Buffer.from(id.split(".")[0]!, "base64url").toString();
    expect(shown(urls.issue(spec))).toContain(keyId);
    const operators = urls.issue({ ...spec, keyId: operatorKeyId });
    expect(urls.read(operators, opening)).toEqual({ ...spec, keyId: operatorKeyId });
    expect(shown(operators)).not.toContain(operatorSecret);
  });

  test("of the operator are void when the operator has another key; those of others are not", () => {
    const other = new SessionUrls({ secret, clock, operatorSecret: "the operator's next key" });
    expect(other.read(urls.issue({ ...spec, keyId: operatorKeyId }), opening)).toBeUndefined();
    expect(other.read(urls.issue(spec), opening)).toEqual(spec);
  });

  test("that name no key, as an older version made them, are void", () => {
    const payload = [clock.ms, "nonce", spec.channel, 1, 1, null, {}, "text"];
    const text = Buffer.from(JSON.stringify(payload)).toString("base64url");
    const signature = createHmac("sha256", secret).update("session.").update(text).digest("base64url");
    expect(urls.read(`${text}.${signature}`, opening)).toBeUndefined();
  });

  test("open for six minutes, and resume for a day", () => {
    const start = clock.ms;
    const id = urls.issue(spec);
    const readAfter = (ms: number, resuming: boolean) => {
      clock.ms = start + ms;
      return urls.read(id, { resuming });
    };
    expect(readAfter(openingMsMax, false)).toEqual(spec);
    expect(readAfter(openingMsMax + 1, false)).toBeUndefined();
    expect(readAfter(openingMsMax + 1, true)).toEqual(spec);
    expect(readAfter(resumingMsMax, true)).toEqual(spec);
    expect(readAfter(resumingMsMax + 1, true)).toBeUndefined();
  });

  test("are refused, with the mend, when they would not fit into a request", () => {
    const sources = Array.from({ length: 900 }, (_, n) => `source-${n}`);
    expect(() => urls.issue({ ...spec, filter: { sources } })).toThrow(/does not fit into its URL/);
    const patterns = { match: "a".repeat(1000), exclude: "b".repeat(1000) };
    expect(urls.issue({ ...spec, filter: patterns }).length).toBeLessThan(sessionIdCharsMax);
  });
});
