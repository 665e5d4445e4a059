/** What an owner who tests a drain is shown: each step until the end, or until the one that failed. */
import { describe, expect, test } from "vitest";
import type { Resolve } from "../../src/drains/addresses.ts";
import { type DrainTestResult, DrainTests } from "../../src/drains/drain-tests.ts";
import { sinksFor } from "../../src/drains/sink-for.ts";
import type { Sink } from "../../src/ports.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { kept } from "../support/kept.ts";
import { otlpAnswer } from "../support/otlp-receiver.ts";
import { type Answer, openPeer } from "../support/peer.ts";
import { closedPort, openRawPeer } from "../support/raw-peer.ts";
import { ca, expiredTls, serverTls } from "../support/tls.ts";
import { drainOf } from "./rig.ts";
import { sinkOptions } from "./sinks/parts.ts";

const peerThat = async (answer: Answer, tls?: typeof serverTls) => kept(await openPeer(() => answer, tls));

/** Long before the certificates of the tests end. */
const clock = new FakeClock({ startMs: Date.parse("2125-12-02T00:00:00Z") });
const limits = { perAppMax: 3, inAllMax: 10 };
const testsWith = (attemptMsMax: number) =>
  new DrainTests({ sinkFor: sinksFor({ ...sinkOptions, attemptMsMax, clock }), clock, limits });
const tests = testsWith(sinkOptions.attemptMsMax);
const tried = (url: string, rest: Partial<DrainRecord> = {}): Promise<DrainTestResult> =>
  tests.run(drainOf(1, { url, ...rest }));
const found = ({ steps }: DrainTestResult) => steps.map(({ name, detail, failed }) => [name, detail, failed]);

test("https: the address, the connection, the certificate, the bytes, the status", async () => {
  const peer = await peerThat(200, serverTls);
  const startedMs = performance.now();
  const trial = await tried(`https://localhost:${peer.port}/`, { ca });
  const tookMs = performance.now() - startedMs;
  expect(trial.verdict.kind).toBe("delivered");
  expect(found(trial)).toEqual([
    ["resolve", expect.stringMatching(/^127\.0\.0\.1$|^::1$/), false],
    ["connect", `127.0.0.1 port ${peer.port}`, false],
    ["tls", "TLSv1.3, subject localhost, issuer tailrace test authority, 30 days left", false],
    ["send", `${peer.received[0]!.body.length} bytes`, false],
    ["answer", "status 200", false],
  ]);
  for (const { ms } of trial.steps) {
    expect(ms).toBeGreaterThanOrEqual(0);
    expect(ms).toBeLessThanOrEqual(Math.ceil(tookMs));
  }
});

test("http to an address literal has neither names nor certificates to show", async () => {
  const peer = await peerThat({ status: 204 });
  expect(found(await tried(`http://127.0.0.1:${peer.port}/`)).map(([name]) => name)).toEqual([
    "connect",
    "send",
    "answer",
  ]);
});

test("syslog, plain and over TLS, ends with what was written", async () => {
  const plain = kept(await openRawPeer((socket) => socket.resume()));
  const { verdict, steps } = await tried(`syslog://127.0.0.1:${plain.port}`);
  expect(verdict.kind).toBe("delivered");
  expect(steps.map(({ name }) => name)).toEqual(["connect", "send"]);
  expect(steps[1]!.detail).toMatch(/^\d+ bytes, and the connection stood$/);
  const secure = kept(await openRawPeer((socket) => socket.resume(), { tls: serverTls }));
  const trial = await tried(`syslog+tls://localhost:${secure.port}`, { ca });
  expect(trial.steps.map(({ name }) => name)).toEqual(["resolve", "connect", "tls", "send"]);
  expect(trial.steps[2]!.detail).toContain("subject localhost");
});

test("the step that failed is the last one, and says why", async () => {
  const port = await closedPort();
  const refused = await tried(`http://127.0.0.1:${port}/`);
  const reason = `127.0.0.1:${port} refused the connection: is the receiver running?`;
  expect(refused.verdict).toEqual({ kind: "retry", cause: expect.any(String), reason });
  expect(found(refused)).toEqual([["connect", reason, true]]);

  const expired = await peerThat(200, expiredTls);
  const late = await tried(`https://127.0.0.1:${expired.port}/`, { ca });
  expect(found(late).map(([name, , failed]) => [name, failed])).toEqual([
    ["connect", false],
    ["tls", true],
  ]);
  expect(late.steps[1]!.detail).toContain("has expired");

  const silent = await peerThat("hang");
  const unanswered = await testsWith(50).run(drainOf(1, { url: silent.url }));
  expect(unanswered.steps.at(-1)).toMatchObject({ name: "answer", failed: true });
  const forbidden = await tried("http://10.0.0.1/").catch((error: { code: string }) => error.code);
  expect(forbidden).toBe("DRAIN_ADDRESS_REFUSED");
});

test("a name that does not exist fails where it is looked up", async () => {
  const failure = Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  const resolve = ((_host: string, _options: object, answer: (failure: Error) => void) =>
    setImmediate(answer, failure)) as never;
  const sinkFor = sinksFor({ ...sinkOptions, resolve });
  for (const url of ["https://receiver.example/", "syslog://receiver.example"]) {
    const trial = await new DrainTests({ sinkFor, clock, limits }).run(drainOf(1, { url }));
    expect(found(trial)).toEqual([
      ["resolve", "the name receiver.example does not exist: check the drain's URL", true],
    ]);
  }
});

test("otlp: a success that rejects the line is none", async () => {
  const headers = { "content-type": "application/x-protobuf" };
  const peer = await peerThat((response) => response.writeHead(200, headers).end(otlpAnswer(1, "too old")));
  const { verdict, steps } = await tried(peer.url, { format: "otlp" });
  const reason = `127.0.0.1:${peer.port} took the request and rejected 1 line ("too old"): check the drain's format`;
  expect(verdict).toEqual({ kind: "refused", reason });
  expect(steps.at(-1)).toMatchObject({ name: "answer", detail: reason, failed: true });
});

test("no secret of the drain is in what is shown, though the receiver repeats it", async () => {
  const peer = await peerThat({ status: 401, body: "bad key k-3c9a, password pass-77f1, query q-51ee" });
  const url = `http://user:pass-77f1@127.0.0.1:${peer.port}/path-41bb?key=q-51ee`;
  const trial = await tried(url, { headers: { "X-Key": "k-3c9a" }, secret: "sign-19aa" });
  expect(trial.steps.at(-1)!.detail).toContain("answered 401");
  expect(JSON.stringify(trial)).not.toMatch(/pass-77f1|k-3c9a|q-51ee|sign-19aa|path-41bb/);
});

describe("an owner learns no address inside of the operator's network", () => {
  const leading =
    (address: string): Resolve =>
    (_name, _options, done) =>
      setImmediate(done, null, [{ address, family: 4 }]);

  test("of a destination that may not be reached", async () => {
    const sinkFor = sinksFor({ ...sinkOptions, resolve: leading("10.20.30.40") });
    for (const url of ["https://inside.example/", "syslog://inside.example", "syslog+tls://inside.example"]) {
      const result = await new DrainTests({ sinkFor, clock, limits }).run(drainOf(1, { url }));
      expect(result.verdict).toMatchObject({
        kind: "retry",
        reason: expect.stringContaining("a private address"),
      });
      expect(JSON.stringify(result)).not.toContain("10.20.30.40");
    }
  });

  test("of a destination that the operator allows", async () => {
    const peer = await peerThat(200);
    const resolve = leading("127.0.0.1");
    const result = await new DrainTests({
      sinkFor: sinksFor({ ...sinkOptions, resolve }),
      clock,
      limits,
    }).run(drainOf(1, { url: `http://inside.example:${peer.port}/` }));
    expect(result.verdict.kind).toBe("delivered");
    expect(found(result).slice(0, 2)).toEqual([
      ["resolve", "a loopback address", false],
      ["connect", `a loopback address port ${peer.port}`, false],
    ]);
  });
});

describe("so many tests at a time", () => {
  /** Tests whose destinations answer when they are told to. */
  function openTests() {
    const underWay: (() => void)[] = [];
    const sinkFor = (): Sink => ({
      deliver: () => new Promise((resolve) => underWay.push(() => resolve({ kind: "delivered" }))),
      giveUp: () => {},
      close: async () => {},
    });
    return { tests: new DrainTests({ sinkFor, clock, limits }), underWay };
  }
  const drain = (app: number, number: number) => ({
    ...drainOf(number),
    id: `${app}-${number}` as DrainRecord["id"],
    channel: `app-${app}` as DrainRecord["channel"],
  });
  const busy = (whose: string) => ({
    code: "DRAIN_TESTS_BUSY",
    status: 429,
    retryAfterS: expect.any(Number),
    message: expect.stringContaining(`for this ${whose}: `),
  });

  test("one for a drain, a few for an app, some in all; the others are told when to come again", async () => {
    const { tests, underWay } = openTests();
    const running = [0, 1, 2].map((number) => tests.run(drain(1, number)));
    await expect(tests.run(drain(1, 0))).rejects.toMatchObject(busy("drain"));
    await expect(tests.run(drain(1, 3))).rejects.toMatchObject(busy("app"));
    for (let number = 0; number < limits.inAllMax - 3; number++)
      running.push(tests.run(drain(10 + number, 0)));
    await expect(tests.run(drain(2, 0))).rejects.toMatchObject(busy("server"));
    expect(underWay).toHaveLength(limits.inAllMax);
    for (const end of underWay.splice(0)) end();
    await Promise.all(running);
    running.push(...[0, 1, 2].map((number) => tests.run(drain(1, number))));
    for (const end of underWay.splice(0)) end();
    await Promise.all(running);
  });

  test("a test that throws gives its place back", async () => {
    const failing = new DrainTests({
      sinkFor: () => {
        throw new Error("a bad URL");
      },
      clock,
      limits,
    });
    for (let n = 0; n < 20; n++) await expect(failing.run(drain(1, n))).rejects.toThrow("a bad URL");
  });
});
