/** Every way to fail has a text, and every text says what happened and then what to do. */
import { constants } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Secrets } from "../../../src/core/secrets/repeated-secrets.ts";
import { AddressRefused, ownKind } from "../../../src/drains/addresses.ts";
import { timedOut } from "../../../src/drains/sinks/connecting.ts";
import type { Endpoint } from "../../../src/drains/sinks/endpoint.ts";
import { type Awaited, explainFailure, failureVerdict } from "../../../src/drains/sinks/explain.ts";
import { explainAnswer, explainRejection } from "../../../src/drains/sinks/explain-answer.ts";
import { causeAndMend } from "../../../web/src/drains/drain-words.ts";

const places = {
  http: { kind: "https", host: "h", port: 80, secure: false },
  https: { kind: "https", host: "h", port: 443, secure: true },
  syslog: { kind: "syslog", host: "h", port: 601, secure: false },
  "syslog+tls": { kind: "syslog", host: "h", port: 6514, secure: true },
} as const satisfies Record<string, Endpoint>;
const given = { none: {}, all: { ca: "ca", cert: "cert" } };

/** A mend is for the owner, for the operator, or for the receiver's owner. */
const mend =
  /: .*(check|give|use|raise|log shorter|renew|needs another|has to|may say|tell the operator|is (it|this|that|the)|slows down|documentation says|has used up)/;

const failing = (code: string, message = code): Error => Object.assign(new Error(message), { code });
const texts = (failure: unknown): string[] =>
  Object.values(places).flatMap((endpoint) =>
    Object.values(given).map((one) => explainFailure(failure, endpoint, one)),
  );
const isWhole = (text: string): void => {
  expect(text).toMatch(mend);
  expect(text).toMatch(/\bh\b|the drain's `ca`/); // the name of the thing
  expect(text).not.toMatch(/\{|\}|undefined|NaN/);
  expect(text.split(": "), "the page parts a text before its mend").toHaveLength(2);
};

const certificateCodes = [
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "ERROR_IN_CERT_NOT_BEFORE_FIELD",
  "ERROR_IN_CERT_NOT_AFTER_FIELD",
  "CERT_REVOKED",
  "CERT_REJECTED",
  "CERT_SIGNATURE_FAILURE",
  "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "CERT_UNTRUSTED",
  "CERT_CHAIN_TOO_LONG",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
  "HOSTNAME_MISMATCH",
  "ERR_TLS_CERT_ALTNAME_INVALID",
];
const otherCodes = [
  ...Object.keys(constants.errno),
  "ENOTFOUND",
  "DNS_SILENT",
  "DNS_FAILED",
  "DNS_GONE",
  "NO_HTTP",
  "NO_FINAL_ANSWER",
  "HANDSHAKES",
  "TALKS",
  "ERR_OSSL_X509_KEY_VALUES_MISMATCH",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
  "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
  "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
  "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
  "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
  "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
  "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED",
  "ERR_SSL_TLSV1_UNRECOGNIZED_NAME",
  "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR",
  "ERR_SOMETHING_NEW",
  "",
];

test.each([...certificateCodes, ...otherCodes])("%s: what happened, and the mend", (code) => {
  for (const text of texts(failing(code))) isWhole(text);
});

test.each(certificateCodes)("%s: nothing was sent, and the owner is told by a notice", (code) => {
  expect(failureVerdict(failing(code), places.https)).toMatchObject({ kind: "retry", certificate: true });
  for (const text of texts(failing(code)))
    expect(text).toMatch(/^the certificate of h:\d+ (is|has|was|comes) .*: nothing was sent; .+/);
});

test("no other failure is one of a certificate", () => {
  for (const code of otherCodes)
    expect(failureVerdict(failing(code), places.https)).not.toHaveProperty("certificate");
});

test("waits in vain: in seconds, and only a peer that stood may be slow", () => {
  const explained = (awaited: Awaited) => failureVerdict(timedOut(awaited, 15_000), places.https);
  for (const awaited of ["connection", "TLS handshake", "answer", "room for all the lines"] as const) {
    for (const text of texts(timedOut(awaited, 15_000))) isWhole(text);
    expect((explained(awaited) as { reason: string }).reason).toContain(" within 15 s");
  }
  expect(explained("connection")).not.toHaveProperty("slow");
  expect(explained("TLS handshake")).not.toHaveProperty("slow");
  expect(explained("answer")).toMatchObject({ slow: true });
  expect(explained("room for all the lines")).toMatchObject({ slow: true });
});

test.each<[cause: string, failures: readonly unknown[]]>([
  [
    "tls",
    [
      ...certificateCodes.map((code) => failing(code)),
      ...otherCodes.filter((code) => /SSL/.test(code)).map((code) => failing(code)),
      timedOut("TLS handshake", 1),
    ],
  ],
  ["address", ["ENOTFOUND", "DNS_SILENT", "DNS_FAILED", "DNS_GONE"].map((code) => failing(code))],
  ["address", [new AddressRefused("10.0.0.1", "private"), timedOut("address", 1)]],
  [
    "connection",
    ["ECONNREFUSED", "ECONNRESET", "EPIPE", "EHOSTUNREACH", "ETIMEDOUT", "NO_HTTP", "TALKS"].map((code) =>
      failing(code),
    ),
  ],
  ["connection", [timedOut("connection", 1)]],
  ["timeout", [timedOut("answer", 1), timedOut("room for all the lines", 1)]],
  ["other", ["EMFILE", "ENFILE", "ENOBUFS", "EACCES", "EPERM", ""].map((code) => failing(code))],
])("the cause for metrics: %s", (cause, failures) => {
  for (const failure of failures) expect(failureVerdict(failure, places.https)).toMatchObject({ cause });
});

describe("words that depend on what the drain is", () => {
  test.each([
    [
      "http",
      "none",
      "ECONNRESET",
      "closed the connection before it answered: is it an https:// receiver? If not, its own log may say why",
    ],
    [
      "https",
      "none",
      "ECONNRESET",
      "closed the connection before it answered: does it want a client certificate (`cert` and `key`)? Its own log may say why",
    ],
    [
      "https",
      "all",
      "ECONNRESET",
      "closed the connection before it answered: does it trust the drain's client certificate? Its own log may say why",
    ],
    [
      "syslog",
      "none",
      "EPIPE",
      "broke the connection while lines were being sent: does it take octet-counted frames (RFC 6587)? Its own log may say why",
    ],
    [
      "syslog+tls",
      "none",
      "EPIPE",
      "does it take octet-counted frames (RFC 6587)? Does it want a client certificate (`cert` and `key`)? Its own log may say why",
    ],
    [
      "https",
      "none",
      "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
      "wants a client certificate: give the drain `cert` and `key`",
    ],
    [
      "https",
      "all",
      "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
      "refuses the drain's client certificate: check the drain's `cert` and `key`",
    ],
    [
      "https",
      "none",
      "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
      "refuses the lack of a client certificate: give the drain `cert` and `key`",
    ],
    [
      "https",
      "none",
      "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
      "speaks TLS that is too old: the receiver has to offer TLS 1.2 or later",
    ],
    [
      "https",
      "none",
      "ERR_SSL_WRONG_VERSION_NUMBER",
      "does not speak TLS: is it an http:// receiver, or is this another port?",
    ],
    [
      "syslog+tls",
      "none",
      "ERR_SSL_WRONG_VERSION_NUMBER",
      "does not speak TLS: is it a syslog:// receiver, or is this another port?",
    ],
    [
      "https",
      "none",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "comes from an authority that is not trusted here, or without the certificates in between: nothing was sent; give the authority as the drain's `ca`, or have the receiver send its whole chain",
    ],
    [
      "https",
      "all",
      "SELF_SIGNED_CERT_IN_CHAIN",
      "comes from no authority in the drain's `ca`: nothing was sent",
    ],
  ] as const)("%s, certificates given: %s, %s", (kind, has, code, words) => {
    expect(explainFailure(failing(code), places[kind], given[has])).toContain(words);
  });

  test("what OpenSSL said stands behind an EPROTO", () => {
    const said = (reason: string) =>
      failing(
        "EPROTO",
        `write EPROTO 40AD:error:0A00:SSL routines:ssl3_read_bytes:${reason}:../deps/x.c:918:SSL alert`,
      );
    const explained = (failure: Error) => explainFailure(failure, places.https);
    expect(explained(said("tlsv1 alert protocol version"))).toContain("speaks TLS that is too old");
    expect(explained(said("wrong version number"))).toContain(
      "does not speak TLS: is it an http:// receiver",
    );
    expect(explained(said("ssl/tls alert handshake failure"))).toContain("the lack of a client certificate");
    expect(explained(said("something new"))).toContain(
      "broke off the TLS handshake (ERR_SSL_SOMETHING_NEW): is it",
    );
    expect(explained(failing("EPROTO"))).toContain("broke off the TLS handshake (EPROTO): is it");
  });
});

describe("addresses where drains may not be sent", () => {
  const explained = (address: string, range: string, host: string) =>
    explainFailure(new AddressRefused(address, range), { host, port: 1 });
  const refused = "where drains may not be sent: the operator can allow it with --drain-allow";

  test("that the owner wrote are named, with what the operator can do", () => {
    expect(explained("0.0.0.0", "unspecified", "0.0.0.0")).toBe(
      `0.0.0.0 (unspecified), ${refused} 0.0.0.0/32`,
    );
    expect(explained("fe80::1", "link local", "fe80::1")).toBe(
      `fe80::1 (link local), ${refused} fe80::1/128`,
    );
  });

  test("that a name leads to are not: an owner learns nothing of the operator's network", () => {
    expect(explained("10.0.0.1", "private", "h")).toBe(`h leads to a private address, ${refused}`);
    expect(explained("fe80::1", "link local", "h")).toBe(`h leads to a link local address, ${refused}`);
    expect(explained("0.0.0.0", "unspecified", "h")).toBe(`h leads to an unspecified address, ${refused}`);
  });

  test("that are none", () => {
    for (const range of ["missing", "malformed"])
      expect(explained("h", range, "h")).toBe("h has no address: check the drain's URL");
  });

  test("that are this server's own", () => {
    expect(explained("8.8.8.8", ownKind, "h")).toContain("h leads to this server itself");
  });
});

test("an address of version 6 is told from its port", () => {
  expect(explainFailure(failing("ECONNREFUSED"), { host: "::1", port: 443 })).toContain("[::1]:443 refused");
});

describe("answers", () => {
  const explained = (status: number, body = ""): string =>
    explainAnswer({ status, body: Buffer.from(body), isCut: false }, places.https, new Secrets([]));
  const statuses = Array.from({ length: 500 }, (_, index) => index + 100);

  test("every status from 100 to 599 has a mend", () => {
    for (const status of statuses) {
      isWhole(explained(status));
      expect(explained(status)).toMatch(new RegExp(`^h:443 answered ${status}: `));
    }
  });

  test("what the receiver said stands before the mend, so that it is not read as one", () => {
    for (const status of statuses)
      expect(explained(status, "no")).toBe(explained(status).replace(` ${status}:`, ` ${status} ("no"):`));
    expect(explained(401, "no")).toBe(`h:443 answered 401 ("no"): check the drain's credentials`);
  });

  test("what the receiver said is not parted on the page, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab:.;(\")' "), maxLength: 30 }), (said) => {
        const shown = new Secrets([]).excerpt(said, 200);
        const rejected = { lines: 1, said, isCut: false };
        for (const text of [
          ...[400, 401, 418, 503].map((status) => explained(status, said)),
          explainRejection(rejected, 2, places.https, new Secrets([])),
          explainRejection({ ...rejected, lines: undefined }, 2, places.https, new Secrets([])),
        ]) {
          const { cause, mend } = causeAndMend(text);
          expect(cause).toContain(shown);
          expect(`${cause.slice(0, -1)}: ${mend.slice(0, -1)}`.toLowerCase()).toBe(text.toLowerCase());
        }
      }),
    );
  });
});
