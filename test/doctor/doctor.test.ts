/** What the doctor says of each part, well and not. */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { roles } from "../../src/config.ts";
import { lookAtCertificate } from "../../src/doctor/certificates.ts";
import { lookAtDisk, measureSync } from "../../src/doctor/disk.ts";
import { lookAtListeners } from "../../src/doctor/listeners.ts";
import { lookAtClock, lookAtFiles } from "../../src/doctor/machine.ts";
import { lookAtNames } from "../../src/doctor/names.ts";
import { FolderLock } from "../../src/engines/disk/folder-lock.ts";
import { openDnsServer } from "../support/dns-server.ts";
import { kept } from "../support/kept.ts";
import { expiredTls, serverTls } from "../support/tls.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tailrace-doctor-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("listeners", () => {
  const listening = async (answer: string): Promise<number> => {
    const server = createServer((_request, response) => response.end(answer)).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    kept({ close: async () => server.closeAllConnections() ?? server.close() });
    return (server.address() as AddressInfo).port;
  };
  const stateAt = async (port: number, nats?: string) => {
    const http = { host: "127.0.0.1", port };
    return (await look({ http, syslog: "off", nats }))[0]!;
  };
  const look = (settings: object) =>
    lookAtListeners({ roles, data: folder, ...settings } as unknown as Parameters<typeof lookAtListeners>[0]);

  test("an address that is free, and one where the server of this folder answers, are well", async () => {
    expect(await stateAt(0)).toMatchObject({ part: "http", state: "well" });
    const runs = { state: "well", what: expect.stringContaining("a tailrace server runs") };
    const port = await listening('{"alive":true}');
    expect(await stateAt(port, "nats://127.0.0.1:4222")).toMatchObject(runs); // its data are elsewhere
    const lock = await FolderLock.take(folder);
    expect(await stateAt(port)).toMatchObject(runs);
    await lock.close();
    expect(await stateAt(port)).toMatchObject({ state: "ill", mend: expect.any(String) });
  });

  test("one where something else answers is ill, and so is a host that is not this machine's", async () => {
    expect(await stateAt(await listening("hello"))).toMatchObject({ state: "ill", mend: expect.any(String) });
    expect(await look({ http: { host: "192.0.2.1", port: 0 }, syslog: "off" })).toMatchObject([
      { state: "ill", mend: expect.any(String) },
    ]);
  });

  test("every door for lines is looked at where the role has one, and another program's greeting is told", async () => {
    const http = { host: "127.0.0.1", port: await listening('{"alive":true}') };
    const nats = ["nats://127.0.0.1:4222"];
    const greeter = createTcpServer((socket) => socket.end("INFO {}\r\n")).listen(0, "127.0.0.1");
    const silent = createTcpServer(() => {}).listen(0, "127.0.0.1");
    const udp = createSocket("udp4").bind(0, "127.0.0.1");
    await Promise.all([greeter, silent, udp].map((one) => once(one, "listening")));
    kept({ close: async () => [greeter, silent, udp].map((one) => one.close()) });
    const doors = {
      syslog: greeter.address() as AddressInfo,
      syslogTls: silent.address() as AddressInfo,
      syslogUdp: udp.address(),
      relp: { host: "127.0.0.1", port: 0 },
    };
    const settings = Object.fromEntries(
      Object.entries(doors).map(([name, { port }]) => [name, { host: "127.0.0.1", port }]),
    );
    const found = await look({ http, nats, ...settings });
    expect(found.map(({ part, state }) => [part, state])).toEqual([
      ["http", "well"],
      ["syslog", "ill"],
      ["syslog-tls", "well"],
      ["syslog-udp", "well"],
      ["relp", "well"],
    ]);
    expect(found[2]!.what).toContain("as far as can be seen");
    const free = { http: { host: "127.0.0.1", port: 0 }, ...settings };
    expect((await look(free)).map(({ state }) => state)).toEqual(["well", "ill", "ill", "ill", "well"]);
    expect((await look({ http, nats, ...settings, roles: ["drain"] })).map(({ part }) => part)).toEqual([
      "http",
    ]);
  });
});

describe("disk", () => {
  const quick = () => Promise.resolve({ p50Ms: 0.2, p95Ms: 0.4 });
  const look = (data: string, retainTotal = 1, measure = quick) => lookAtDisk({ data, retainTotal }, measure);
  const states = async (...args: Parameters<typeof look>) =>
    Object.fromEntries((await look(...args)).map(({ part, state }) => [part, state]));

  test("a folder of this user's alone with room and a quick disk is well, one that is not there yet, too", async () => {
    chmodSync(folder, 0o700);
    expect(await states(folder)).toEqual({ folder: "well", disk: "well", sync: "well" });
    expect(await states(join(folder, "not", "there"))).toEqual({
      folder: "well",
      disk: "well",
      sync: "well",
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test.runIf(process.platform !== "win32")(
    "a kill while syncs are measured leaves nothing behind",
    async () => {
      const probe = await open(devNull);
      const handles = Object.getPrototypeOf(probe) as typeof probe;
      await probe.close();
      const seen = new Set<number>();
      const syncing = vi.spyOn(handles, "datasync").mockImplementation(async () => {
        seen.add(readdirSync(folder).length);
      });
      await measureSync(folder);
      syncing.mockRestore();
      expect([...seen]).toEqual([0]);
    },
  );

  test("a path that is a file, is in one, or is a link that leads nowhere is ill", async () => {
    writeFileSync(join(folder, "file"), "");
    symlinkSync("nowhere", join(folder, "link"));
    for (const wanted of ["file", "file/inside", "link", "link/inside"])
      expect(await look(join(folder, wanted))).toMatchObject([
        { part: "folder", state: "ill", what: expect.stringMatching(/(file|link) is no folder$/) },
      ]);
  });

  test("others who may read it, little room and slow syncs are warned of", async () => {
    const shared = join(folder, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o755);
    const slow = () => Promise.resolve({ p50Ms: 4, p95Ms: 40 });
    const found = await look(shared, Number.MAX_SAFE_INTEGER, slow);
    expect(found.map(({ part, state }) => [part, state])).toEqual([
      ["folder", "warning"],
      ["disk", "warning"],
      ["sync", "warning"],
    ]);
    expect(found[0]!.mend).toBe(`chmod 700 ${shared}`);
  });

  test.runIf(existsSync("/dev/shm"))("a folder in memory is ill", async () => {
    const inMemory = mkdtempSync("/dev/shm/tailrace-doctor-");
    try {
      const full = () => Promise.reject(Object.assign(new Error("write"), { code: "ENOSPC" }));
      const found = await look(inMemory, Number.MAX_SAFE_INTEGER, full);
      // Little room is told there, too.
      expect(found.slice(1).map(({ part, state }) => [part, state])).toEqual([
        ["disk", "ill"],
        ["disk", expect.stringMatching(/^(ill|warning)$/)],
        ["sync", "unknown"],
      ]);
      expect(found[3]!.what).toContain("could not be measured: no space is left there");
    } finally {
      rmSync(inMemory, { recursive: true });
    }
  });

  test("with NATS nothing is synced here, and only the key needs room", async () => {
    const found = await lookAtDisk(
      { data: folder, retainTotal: Number.MAX_SAFE_INTEGER, nats: ["nats://n"] },
      quick,
    );
    expect(found.map(({ part }) => part)).toEqual(["folder", "disk"]);
    expect(found[1]!.state).toBe("well");
  });

  test("syncs are measured on the disk itself, and nothing is left behind", async () => {
    const { p50Ms, p95Ms } = await measureSync(folder);
    expect(p95Ms).toBeGreaterThanOrEqual(p50Ms);
    expect(p50Ms).toBeGreaterThan(0);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("certificate", () => {
  const look = (tls: typeof serverTls, publicUrl?: string, nowMs = Date.parse("2125-12-02T00:00:00Z")) => {
    const [tlsCert, tlsKey] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    writeFileSync(tlsCert, tls.cert);
    writeFileSync(tlsKey, tls.key);
    return lookAtCertificate({ tlsCert, tlsKey, ...(publicUrl !== undefined && { publicUrl }) }, nowMs);
  };

  test("none is looked for where the server speaks plain HTTP", async () => {
    expect(await lookAtCertificate({}, 0)).toEqual([]);
  });

  test("one that is good, for the host of the public URL, is well", async () => {
    expect(await look(serverTls, "https://localhost:8601")).toMatchObject([
      { state: "well" },
      { state: "well" },
    ]);
  });

  test("one for another name, that ended, or that is none is ill, with the mend", async () => {
    const ends = Date.parse("2125-12-02T00:00:00Z");
    const ills = [
      (await look(serverTls, "https://logs.example.com"))[1],
      (await look(expiredTls, undefined, ends))[0],
      (await look({ ...serverTls, cert: "nothing" }))[0],
    ];
    for (const finding of ills)
      expect(finding).toMatchObject({ state: "ill", part: "certificate", mend: expect.any(String) });
  });
});

describe("names", () => {
  test("a name server that answers, whatever it says, is well; one that is silent is warned of", async () => {
    const answering = kept(await openDnsServer(() => undefined));
    const silent = kept(await openDnsServer(() => "silent"));
    expect(await lookAtNames({}, [answering.at, silent.at])).toMatchObject([
      { part: "dns", state: "well" },
      { part: "dns", state: "warning", mend: expect.stringContaining("resolv.conf") },
    ]);
  });

  test("a name of the settings without an address is ill; an address needs no look-up", async () => {
    const settings = {
      publicUrl: "https://nowhere.invalid",
      nats: ["nats://127.0.0.1:4222", "nats://localhost:4222"],
    };
    expect(await lookAtNames(settings, [])).toMatchObject([
      { state: "ill", what: "nowhere.invalid has no address" },
      { state: "well", what: expect.stringMatching(/^localhost is /) },
    ]);
  });
});

describe("machine", () => {
  test("few open files are warned of", () => {
    expect(lookAtFiles(1024)).toMatchObject({ state: "warning", mend: expect.stringContaining("65536") });
    expect(lookAtFiles(Number.POSITIVE_INFINITY)).toMatchObject({ state: "well" });
  });

  test.each([
    ["yes", "well"],
    ["no", "warning"],
    ["", "unknown"],
  ])("timedatectl says %j: %s", async (answer, state) => {
    expect(await lookAtClock(() => Promise.resolve(answer))).toMatchObject({ part: "clock", state });
  });

  test("where timedatectl is not there, the clock is unknown", async () => {
    expect(await lookAtClock(() => Promise.reject(new Error("ENOENT")))).toMatchObject({ state: "unknown" });
  });
});
