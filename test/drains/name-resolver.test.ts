/** Names as this machine and its name servers know them, from a name server of the tests. */
import type { LookupAddress } from "node:dns";
import { describe, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { Lookups } from "../../src/drains/lookups.ts";
import { type NameFacts, parseHosts } from "../../src/drains/name-files.ts";
import { nameResolver } from "../../src/drains/name-resolver.ts";
import { lookupLimits } from "../../src/limits.ts";
import { openDnsServer, type Zone } from "../support/dns-server.ts";
import { kept } from "../support/kept.ts";

const noFacts: NameFacts = { hosts: new Map(), search: [], ndots: 1, hasIpv6: true };
const filesOf = (facts: Partial<NameFacts>) => ({ facts: async () => ({ ...noFacts, ...facts }) });

async function open(
  zone: Parameters<typeof openDnsServer>[0],
  facts: Partial<NameFacts> = {},
  lookupMsMax = 20_000,
) {
  const server = kept(await openDnsServer(zone));
  const resolve = nameResolver({ files: filesOf(facts), servers: [server.at], lookupMsMax });
  const lookUp = (name: string, family: 0 | 4 | 6 = 0) =>
    new Promise<string[] | string>((done) =>
      resolve(name, { all: true, family }, (failure, found) =>
        done(failure === null ? found.map(({ address }: LookupAddress) => address) : failure.code!),
      ),
    );
  return { lookUp, server, resolve };
}

const zone: Zone = {
  "both.example": ["192.0.2.1", "2001:db8::1", "192.0.2.2"],
  "four.example": ["192.0.2.1"],
  "six.example": ["2001:db8::6"],
  "empty.example": [],
  "silent.example": "silent",
  "fails.example": "fails",
  "collector.monitoring.svc.cluster.local": ["192.0.2.9"],
};

describe("addresses", () => {
  test("of both families, those that this machine can reach first", async () => {
    const { lookUp } = await open(zone);
    expect(await lookUp("both.example")).toEqual(["2001:db8::1", "192.0.2.1", "192.0.2.2"]);
    expect(await lookUp("both.example", 4)).toEqual(["192.0.2.1", "192.0.2.2"]);
    expect(await lookUp("both.example", 6)).toEqual(["2001:db8::1"]);
    const old = await open(zone, { hasIpv6: false });
    expect(await old.lookUp("both.example")).toEqual(["192.0.2.1", "192.0.2.2"]);
    expect(await old.lookUp("six.example")).toEqual(["2001:db8::6"]);
    expect(old.server.questions).toEqual(["both.example A", "six.example A", "six.example AAAA"]);
  });

  test("of the hosts file are not asked for, and local names lead to this machine whatever it says", async () => {
    const hosts = parseHosts("10.1.2.3 Box box.lan\n::1 box\n192.0.2.77 localhost both.example\n");
    const { lookUp, server } = await open(zone, { hosts });
    expect(await lookUp("BOX")).toEqual(["::1", "10.1.2.3"]);
    expect(await lookUp("both.example.")).toEqual(["192.0.2.77"]);
    for (const name of ["localhost", "LOCALHOST.", "any.localhost"])
      expect(await lookUp(name)).toEqual(["127.0.0.1", "::1"]);
    expect(server.questions).toEqual([]);
  });

  test("one family does not wait for a server that is silent about the other", async () => {
    let silent = true;
    const { lookUp } = await open((name) => {
      silent = !silent; // the second question, of whichever family
      return silent ? "silent" : zone[name];
    });
    expect(await lookUp("both.example")).not.toHaveLength(3);
  });

  test("of short names are those of the search domains, in the order of ndots", async () => {
    const cluster = { search: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"], ndots: 5 };
    const { lookUp, server } = await open(zone, { ...cluster, hasIpv6: false });
    expect(await lookUp("collector.monitoring")).toEqual(["192.0.2.9"]);
    expect(await lookUp("four.example")).toEqual(["192.0.2.1"]);
    expect(server.questions.at(-1)).toBe("four.example A");
    server.questions.length = 0;
    expect(await lookUp("four.example.")).toEqual(["192.0.2.1"]);
    expect(server.questions).toEqual(["four.example A"]);
  });
});

describe("failures", () => {
  test("are told apart", async () => {
    const { lookUp } = await open(zone);
    expect(await lookUp("none.example")).toBe("ENOTFOUND");
    expect(await lookUp("empty.example")).toEqual([]);
    expect(await lookUp("fails.example")).toBe("DNS_FAILED");
    expect(await lookUp(`${"x".repeat(64)}.example`)).toBe("ENOTFOUND");
    const gone = nameResolver({ files: filesOf({}), servers: ["127.0.0.1:9"], lookupMsMax: 20_000 });
    const failure = await new Promise((done) => gone("four.example", { all: true }, done));
    expect(failure).toMatchObject({ code: "DNS_GONE" });
  });

  test("a silent name server ends in the time of a look-up, however many search domains there are", async () => {
    const { lookUp } = await open(() => "silent", { search: ["a.example", "b.example", "c.example"] }, 50);
    expect(await lookUp("silent.example")).toBe("DNS_SILENT");
  });

  test("a search domain in trouble does not hide a name that exists", async () => {
    const { lookUp } = await open((name) => (name.endsWith(".fails.example") ? "fails" : zone[name]), {
      search: ["fails.example"],
      ndots: 5,
    });
    expect(await lookUp("four.example")).toEqual(["192.0.2.1"]);
    expect(await lookUp("none.example")).toBe("DNS_FAILED");
  });
});

test("300 names of silent servers are passed by a good name of another app, with every name new", async () => {
  const { resolve } = await open((name) => (name.startsWith("dead") ? "silent" : ["192.0.2.1"]));
  const lookups = new Lookups({ ...lookupLimits, slowMs: 50, clock: realClock }, resolve);
  let givenUp = 0;
  for (let n = 0; n < 300; n++)
    lookups.resolve(`dead-${n}.example`, { all: true }, () => givenUp++, `app-${n % 60}`);
  for (let n = 0; n < 3; n++) {
    const found = await new Promise((done) =>
      lookups.resolve(`good-${n}.example`, { all: true }, (failure, all) => done(failure ?? all), "victim"),
    );
    expect(found).toEqual([{ address: "192.0.2.1", family: 4 }]);
  }
  expect(givenUp).toBe(0);
});
