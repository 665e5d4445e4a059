/** A drain to this server itself would bring each line back as a new one: all the ways to write such a URL. */
import { hostname, networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import { addressPolicy, ownKind, sparing } from "../../src/drains/addresses.ts";
import { parseDestination } from "../../src/drains/destination.ts";
import { OwnEndpoints } from "../../src/drains/own-endpoints.ts";
import { sinksFor } from "../../src/drains/sink-for.ts";
import { AppError } from "../../src/errors/app-error.ts";
import { kept } from "../support/kept.ts";
import { openPeer } from "../support/peer.ts";
import { drainOf } from "./rig.ts";
import { never, parcelOf, sinkOptions } from "./sinks/parts.ts";

const everywhere = addressPolicy(["0.0.0.0/0", "::/0"]);
function refusal(url: string, own: OwnEndpoints): string | undefined {
  try {
    parseDestination(url, { allow: everywhere, own });
    return undefined;
  } catch (error) {
    return (error as AppError).code;
  }
}
const machine = Object.values(networkInterfaces()).flatMap((some) => some ?? [])[0]!.address;
const inUrl = (address: string) => (address.includes(":") ? `[${address}]` : address);

function places(listeners: readonly string[], urls: readonly string[] = []): OwnEndpoints {
  const own = new OwnEndpoints(urls);
  for (const text of listeners) {
    const { hostname: host, port } = new URL(`x://${text}`);
    own.listens({ host: host.replace(/^\[|\]$/g, ""), port: Number(port) });
  }
  return own;
}

describe("a listener on loopback", () => {
  const own = places(["127.0.0.1:8601", "127.0.0.1:6001"]);

  test.each([
    "http://127.0.0.1:8601/logs",
    "http://127.0.0.1:8601/",
    "http://127.0.0.1:8601/v1/logs",
    "http://127.0.0.1:8601/sessions/x?y#z",
    "https://127.0.0.1:8601/logs",
    "http://token:t.1@127.0.0.1:8601/logs",
    "http://localhost:8601/logs",
    "http://LOCALHOST.:8601/logs",
    "http://any.localhost:8601/logs",
    "http://127.1:8601/logs",
    "http://0x7f000001:8601/logs",
    "http://0.0.0.0:8601/logs",
    "http://[::]:8601/logs",
    "http://[::ffff:127.0.0.1]:8601/logs",
    `http://${hostname()}:8601/logs`,
    "syslog://127.0.0.1:6001",
    "syslog://localhost:6001",
    "syslog+tls://localhost:6001/#insecure",
    "http://localhost:6001/",
    "syslog://localhost:8601",
  ])("%s is this server", (url) => expect(refusal(url, own)).toBe("DRAIN_TO_ITSELF"));

  test.each([
    "http://127.0.0.1:8700/logs",
    "http://127.0.0.1/logs",
    "http://127.0.0.2:8601/logs",
    "http://[::1]:8601/logs",
    "http://logs.example.com:8601/logs",
    "syslog://localhost",
    "syslog://localhost:514",
  ])("%s is not", (url) => expect(refusal(url, own)).toBeUndefined());
});

test("a listener on all addresses is at each of the machine's, and at no other", () => {
  for (const listener of ["0.0.0.0:8601", "[::]:8601"]) {
    const own = places([listener]);
    for (const address of ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", inUrl(machine)])
      expect(refusal(`http://${address}:8601/logs`, own), address).toBe("DRAIN_TO_ITSELF");
    for (const address of ["8.8.8.8", "[2606:4700::1111]", "logs.example.com"])
      expect(refusal(`http://${address}:8601/logs`, own), address).toBeUndefined();
  }
  expect(refusal("http://[::1]:8601/", places(["localhost:8601"]))).toBe("DRAIN_TO_ITSELF");
});

describe("the address that others use", () => {
  const own = places(
    ["127.0.0.1:8601", "127.0.0.1:6001"],
    ["https://Logs.example.com", "http://in.example.com:8080/tail"],
  );

  test.each([
    "https://logs.example.com/logs",
    "https://logs.example.com./v1/logs",
    "https://LOGS.example.com:443/",
    "http://logs.example.com/logs",
    "http://in.example.com:8080/tail",
    "http://in.example.com:8080/tail/logs",
    "http://in.example.com:8080//%74ail/x/../logs",
    "syslog://logs.example.com:6001",
    "syslog+tls://in.example.com:6001",
  ])("%s is this server", (url) => expect(refusal(url, own)).toBe("DRAIN_TO_ITSELF"));

  test.each([
    "https://other.example.com/logs",
    "https://logs.example.com:8088/services/collector",
    "http://in.example.com:8080/loki/api/v1/push",
    "http://in.example.com:8080/tailor",
    "syslog+tls://logs.example.com:6514",
  ])("%s is not", (url) => expect(refusal(url, own)).toBeUndefined());
});

test("a name that leads here is found out when it is connected to, and nothing is sent", async () => {
  const peer = kept(await openPeer());
  const own = places([`127.0.0.1:${peer.port}`]);
  const sinkFor = sinksFor({
    ...sinkOptions,
    policy: sparing(sinkOptions.policy, own),
    own,
    resolve: (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
  });
  for (const scheme of ["http", "syslog"]) {
    const sink = kept(sinkFor(drainOf(1, { url: `${scheme}://alias.example:${peer.port}/` })));
    expect(await sink.deliver(parcelOf("x"), never)).toEqual({
      kind: "retry",
      cause: expect.any(String),
      reason:
        "alias.example leads to this server itself, where each line would come back as a new one: give the URL of a receiver",
    });
  }
  expect(peer.connections()).toBe(0);
  expect(() => sinkFor(drainOf(1, { url: `${peer.url}logs` }))).toThrow(AppError);
});

test("an address that is refused anyway does not tell that it is this server's", () => {
  const own = places(["10.0.0.5:8601"]);
  expect(sparing(addressPolicy([]), own).refusal("10.0.0.5", 8601)).toBe("private");
  expect(sparing(addressPolicy(["10.0.0.0/8"]), own).refusal("10.0.0.5", 8601)).toBe(ownKind);
  expect(sparing(addressPolicy(["10.0.0.0/8"]), own).refusal("10.0.0.5", 8602)).toBeUndefined();
});
