/** The operator's own address: what is there, what the public address then has no more, and what it withstands. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { RawClient } from "../support/raw-client.ts";
import { TestServer } from "../support/server.ts";

let server: TestServer;
let admin: string;
beforeAll(async () => {
  server = await TestServer.start(["--admin", "127.0.0.1:0", "--retain", "36h", "--retain-app", "1025KiB"]);
  admin = /"admin":"([^"]+)"/.exec(server.output)![1]!;
});
afterAll(() => server.destroy());

const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;

test("metrics, the API's pages and the reasons are there and nowhere else", async () => {
  for (const path of ["/metrics", "/docs", "/docs/json"]) {
    expect([await statusOf(admin + path), await statusOf(server.url + path)], path).toEqual([200, 404]);
  }
  expect(await (await fetch(`${admin}/readyz`)).json()).toEqual({ ready: true, reasons: [] });
  expect(await (await fetch(`${server.url}/readyz`)).json()).toEqual({ ready: true });
  for (const path of ["/healthz", "/healthcheck"]) {
    expect([await statusOf(admin + path), await statusOf(server.url + path)], path).toEqual([200, 200]);
  }
});

test("its pages describe the API of the public address", async () => {
  const { paths } = (await (await fetch(`${admin}/docs/json`)).json()) as { paths: object };
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(["/apps", "/v3/channels/{channel}", "/readyz"]));
});

test("it has no API of its own", async () => {
  for (const path of ["/apps", "/logs", "/sessions/none"]) expect(await statusOf(admin + path)).toBe(404);
});

test("it shows every setting in force as its flag takes it, and the public address shows none", async () => {
  const settings = (await (await fetch(`${admin}/settings`)).json()) as { flag: string; value: string }[];
  const shown = (flag: string) => settings.find((setting) => setting.flag === flag)?.value;
  expect(shown("--retain")).toBe("36h");
  expect(shown("--retain-app")).toBe("1025KiB");
  expect(shown("--retain-total")).toBe("10GiB");
  expect(shown("--admin")).toBe("127.0.0.1:0");
  expect(shown("--nats")).toBe(null);
  expect(shown("--dev")).toBe("true");
  expect(await statusOf(`${server.url}/settings`)).toBe(404);
});

test("it answers while every connection of an address to the public one is taken", async () => {
  const port = Number(new URL(server.url).port);
  const flood = await Promise.all(
    Array.from({ length: 1_100 }, () => RawClient.open(port, { reads: false })),
  );
  for (const client of flood) client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n");
  expect(await statusOf(`${admin}/healthz`)).toBe(200);
  const figures = await (await fetch(`${admin}/metrics`)).text();
  expect(Number(/^tailrace_http_connections (\d+)$/m.exec(figures)![1])).toBeLessThanOrEqual(1_010); // and those of this test itself
  for (const client of flood) client.leave();
});
