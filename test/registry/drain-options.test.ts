import { describe, expect, test } from "vitest";
import {
  checkDrainOptions,
  type DrainOptions,
  headersMax,
  headerValueCharsMax,
  pemCharsMax,
} from "../../src/registry/drain-options.ts";
import { certificate, otherKey, privateKey } from "./pem.ts";

const https = "https://example.com/";
const check = (options: DrainOptions, url = https) => checkDrainOptions(url, options);
const failure = (options: DrainOptions, url = https): { code: string; message: string } => {
  try {
    check(options, url);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error("it was accepted");
};

test("what a destination may ask for is accepted", () => {
  check({
    headers: { "X-Api-Key": "secret value", Authorization: "Bearer x", content_thing: "" },
    filter: { sources: ["app"], dynos: ["web"], match: "^a.*b$", exclude: "(?i)health" },
    secret: "s",
    ca: certificate,
    cert: certificate,
    key: privateKey,
  });
});

describe("headers", () => {
  test.each([
    "Host",
    "content-length",
    "Transfer-Encoding",
    "Logplex-Msg-Count",
    "connection",
    "Proxy-X",
    "Content-Type",
  ])("%s is the drain's own", (name) => {
    expect(failure({ headers: { [name]: "x" } }).message).toContain(`"${name}" is set by the drain itself`);
  });
  test.each(["", "a b", "a:b", "ä", "a\r\nb", "x".repeat(101)])("%j is no name", (name) => {
    expect(failure({ headers: { [name]: "x" } }).code).toBe("DRAIN_OPTION");
  });
  test.each(["a\nb", "a\r", "\0", "ä", "x".repeat(headerValueCharsMax + 1)])(
    "%j is no value, and is not repeated",
    (value) => {
      const { code, message } = failure({ headers: { "X-Key": value } });
      expect(code).toBe("DRAIN_OPTION");
      expect(message).not.toContain(value);
    },
  );
  test("are bounded, differ in more than case, and belong to http", () => {
    const many = Object.fromEntries(Array.from({ length: headersMax + 1 }, (_, n) => [`h-${n}`, "x"]));
    expect(failure({ headers: many }).code).toBe("DRAIN_OPTION");
    expect(failure({ headers: { "X-A": "1", "x-a": "2" } }).message).toContain("twice");
    expect(failure({ headers: { "X-A": "1" } }, "syslog://example.com").message).toContain("http");
  });
});

describe("filter", () => {
  test.each([{ match: "(" }, { exclude: "a(?=b)" }, { match: "x".repeat(1_001) }])(
    "%j is refused",
    (filter) => {
      expect(failure({ filter }).code).toBe("PATTERN_INVALID");
    },
  );
  test.each([
    { sources: Array.from({ length: 51 }, () => "app") },
    { dynos: [""] },
    { sources: ["x".repeat(129)] },
  ])("names are bounded", (filter) => {
    expect(failure({ filter }).code).toBe("DRAIN_OPTION");
  });
});

describe("certificates", () => {
  test.each<[string, DrainOptions]>([
    ["no `key`", { cert: certificate }],
    ["no `cert`", { key: privateKey }],
    ["not the key", { cert: certificate, key: otherKey }],
    ["no PEM", { ca: "hello" }],
    ["no readable", { ca: "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----" }],
    ["openssl pkey", { cert: certificate, key: "hello" }],
    ["more than", { ca: certificate + "x".repeat(pemCharsMax) }],
    ["more than", { cert: certificate, key: "x".repeat(pemCharsMax + 1) }],
  ])("%s", (words, options) => {
    expect(failure(options).message).toContain(words);
  });
  test("need TLS", () => {
    expect(failure({ ca: certificate }, "http://example.com").message).toContain("no TLS");
  });
  test("a key that is refused is in no message", () => {
    const body = otherKey.split("\n")[1]!;
    expect(JSON.stringify(failure({ cert: certificate, key: otherKey }))).not.toContain(body);
  });
});

test.each(["", "x".repeat(1_001)])("a secret is 1 to 1000 characters", (secret) => {
  expect(failure({ secret }).message).toContain("secret");
});
