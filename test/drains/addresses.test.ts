import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { expect, test } from "vitest";
import {
  AddressRefused,
  addressPolicy,
  checkedLookup,
  checkLiteral,
  loopbackCidrs,
} from "../../src/drains/addresses.ts";
import { parseDestination } from "../../src/drains/destination.ts";
import { AppError } from "../../src/errors/app-error.ts";

const nothingAllowed = addressPolicy([]);

const special = [
  // loopback
  ["127.0.0.1", "loopback"],
  ["127.255.255.254", "loopback"],
  ["::1", "loopback"],
  // this host and this network
  ["0.0.0.0", "unspecified"],
  ["0.1.2.3", "unspecified"],
  ["::", "unspecified"],
  // private
  ["10.0.0.1", "private"],
  ["172.16.0.1", "private"],
  ["172.31.255.255", "private"],
  ["192.168.1.1", "private"],
  ["fc00::1", "unique local"],
  ["fd00:ec2::254", "unique local"], // a cloud's metadata
  ["100.64.0.1", "carrier grade nat"],
  ["100.100.100.200", "carrier grade nat"], // a cloud's metadata
  // link local
  ["169.254.169.254", "link local"], // most clouds' metadata
  ["169.254.170.2", "link local"],
  ["fe80::1", "link local"],
  ["fe80::1%eth0", "link local"],
  ["fec0::1", undefined],
  // one machine's own host
  ["168.63.129.16", "host agent"],
  // groups
  ["224.0.0.1", "multicast"],
  ["239.255.255.250", "multicast"],
  ["ff02::1", "multicast"],
  ["255.255.255.255", "broadcast"],
  // reserved, for documents, for benchmarks
  ["192.0.0.1", "reserved"],
  ["192.0.2.1", "reserved"],
  ["198.51.100.1", "reserved"],
  ["203.0.113.1", "reserved"],
  ["198.18.0.1", undefined],
  ["198.19.255.255", undefined],
  ["240.0.0.1", "reserved"],
  ["2001:db8::1", "reserved"],
  ["3fff::1", undefined],
  ["100::1", undefined],
  ["5f00::1", undefined],
  ["4000::1", "reserved"],
  // an IPv4 address in an IPv6 one
  ["::ffff:127.0.0.1", "loopback"],
  ["::ffff:7f00:1", "loopback"],
  ["0:0:0:0:0:ffff:a00:1", "private"],
  ["::ffff:169.254.169.254", "link local"],
  ["::ffff:0:10.0.0.1", undefined],
  ["::127.0.0.1", undefined],
  ["::a00:1", undefined],
  // through a translator: NAT64, its local form, 6to4, Teredo
  ["64:ff9b::7f00:1", undefined],
  ["64:ff9b::8.8.8.8", undefined],
  ["64:ff9b:1::a00:1", undefined],
  ["2002:7f00:1::", undefined],
  ["2002:a00:1::1", undefined],
  ["2001:0:4136:e378:8000:63bf:3fff:fdd2", undefined],
  // ISATAP would be a public prefix with a private address inside: it is judged by its prefix
  // not addresses at all
  ["", "malformed"],
  ["receiver.example", "malformed"],
  ["1.2.3.4.5", "malformed"],
] as const;

test.each(special)("no drain goes to %s", (address, range) => {
  const found = nothingAllowed.refusal(address);
  expect(found).toEqual(range ?? expect.stringMatching(/^[a-z0-9 ]+$/));
});

test.each([
  "8.8.8.8",
  "1.1.1.1",
  "172.32.0.1",
  "192.169.0.1",
  "100.128.0.1",
  "169.253.0.1",
  "2606:4700::1111",
  "2a00:1450::1",
  "::ffff:8.8.8.8",
])("a drain may go to %s", (address) => {
  expect(nothingAllowed.refusal(address)).toBeUndefined();
});

// Every way to write a loopback or metadata address that URL parsers know.
const disguises = [
  "http://127.0.0.1/",
  "http://127.1/",
  "http://2130706433/",
  "http://0x7f000001/",
  "http://0x7f.1/",
  "http://0177.0.0.1/",
  "http://017700000001/",
  "http://127.0.0.1./",
  "http://１２７.０.０.１/",
  "http://127。0。0。1/",
  "http://%31%32%37.0.0.1/",
  "http://0/",
  "http://0.0.0.0/",
  "http://[::1]/",
  "http://[0:0:0:0:0:0:0:1]/",
  "http://[::]/",
  "http://[::ffff:127.0.0.1]/",
  "http://[::ffff:7f00:1]/",
  "http://[64:ff9b::127.0.0.1]/",
  "http://[fd00:ec2::254]/",
  "http://localhost/",
  "http://LOCALHOST/",
  "http://localhost./",
  "http://any.localhost/",
  "http://169.254.169.254/latest/meta-data/",
  "http://2852039166/",
  "http://0xa9fea9fe/",
  "http://user@169.254.169.254/",
  "http://10.1.2.3:8080/",
];

test.each(disguises)("%s is refused when it is registered", (url) => {
  expect(() => parseDestination(url, { allow: nothingAllowed })).toThrow(AppError);
});

test("the operator's ranges add up, and allow nothing else", () => {
  const policy = addressPolicy(["10.1.0.0/16", "192.168.7.7", "fd00::/8", ...loopbackCidrs]);
  for (const address of ["10.1.2.3", "192.168.7.7", "fd12::1", "127.0.0.1", "::1", "::ffff:10.1.2.3"])
    expect(policy.refusal(address), address).toBeUndefined();
  for (const address of ["10.2.0.1", "192.168.7.8", "fc00::1", "0.0.0.0", "169.254.169.254", "fe80::1"])
    expect(policy.refusal(address), address).toBeDefined();
});

test.each(["10.0.0.0/33", "nowhere", "10.0.0.0/", "", "fd00::/129"])("%j is no range", (cidr) => {
  expect(() => addressPolicy([cidr])).toThrow(/is no CIDR/);
});

type Addresses = readonly { readonly address: string; readonly family: number }[];
/** A resolver that answers with one list after the other. */
function resolver(...answers: Addresses[]) {
  let asked = 0;
  const resolve = ((_: string, __: object, done: (failure: null, found: Addresses) => void) =>
    done(null, answers[Math.min(asked++, answers.length - 1)]!)) as unknown as Parameters<
    typeof checkedLookup
  >[1];
  return resolve!;
}

function lookUp(resolve: ReturnType<typeof resolver>, all: boolean, policy = nothingAllowed) {
  return new Promise<unknown>((done) =>
    checkedLookup(policy, resolve)("receiver.example", { all }, (failure, found) => done(failure ?? found)),
  );
}

const publicOne = { address: "8.8.8.8", family: 4 };
const privateOne = { address: "10.0.0.1", family: 4 };
const mappedOne = { address: "::ffff:127.0.0.1", family: 6 };

test("of a name's addresses only those are used that a drain may go to", async () => {
  const resolve = resolver([privateOne, mappedOne, publicOne]);
  expect(await lookUp(resolve, true)).toEqual([publicOne]);
  expect(await lookUp(resolve, false)).toBe(publicOne.address);
});

test("a name that has none of them is refused, and says why", async () => {
  expect(await lookUp(resolver([privateOne, mappedOne]), true)).toMatchObject({
    name: "AddressRefused",
    address: "10.0.0.1",
    range: "private",
  });
  expect(await lookUp(resolver([]), true)).toBeInstanceOf(AddressRefused);
});

test("a literal address is judged as such: connecting looks up names alone", () => {
  expect(() => checkLiteral("10.0.0.1", nothingAllowed)).toThrow(AddressRefused);
  expect(() => checkLiteral("::1", nothingAllowed)).toThrow(AddressRefused);
  expect(() => checkLiteral("receiver.example", nothingAllowed)).not.toThrow();
});

test("a name that was public when it was looked up first and is private at connect reaches nobody", async () => {
  let connections = 0;
  const server: Server = createServer();
  server.on("connection", () => connections++);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const resolve = resolver([publicOne], [{ address: "127.0.0.1", family: 4 }]);
  expect(await lookUp(resolve, true)).toEqual([publicOne]);
  const socket = connect({ host: "receiver.example", port, lookup: checkedLookup(nothingAllowed, resolve) });
  const failure = await new Promise<Error>((done) => socket.once("error", done));
  expect(failure).toMatchObject({ name: "AddressRefused", address: "127.0.0.1" });
  expect(connections).toBe(0);
  await new Promise((done) => server.close(done));
});

test("an allowed name is connected to, with one address asked for or with all", async () => {
  const server = createTcpServer((socket) => socket.end("hello"));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const lookup = checkedLookup(addressPolicy(loopbackCidrs), resolver([{ address: "127.0.0.1", family: 4 }]));
  for (const autoSelectFamily of [true, false]) {
    const socket = connect({ host: "receiver.example", port, lookup, autoSelectFamily });
    const said = await new Promise<string>((done, failed) => {
      socket.once("data", (chunk) => done(String(chunk)));
      socket.once("error", failed);
    });
    expect(said).toBe("hello");
    socket.destroy();
  }
  await new Promise((done) => server.close(done));
});
