import fastify from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { healthApi } from "../../src/control/health.ts";
import { acceptedLines } from "../../src/metrics.ts";
import { ControlServer } from "../support/control-server.ts";
import { until } from "../support/until.ts";

let server: ControlServer;
beforeAll(async () => {
  server = await ControlServer.open({ described: true });
});
afterAll(() => server.close());

const get = (url: string) => server.call("GET", url, undefined, { key: null });

test("alive, ready, and why not", async () => {
  expect((await get("/healthz")).status).toBe(200);
  expect(await get("/readyz")).toMatchObject({ status: 200, json: { ready: true, reasons: [] } });
  expect(await get("/healthcheck")).toMatchObject({ status: 200, text: "OK" });
  server.reasons = ["the disk is full"];
  expect(await get("/readyz")).toMatchObject({
    status: 503,
    json: { ready: false, reasons: ["the disk is full"] },
  });
  expect(await get("/healthcheck")).toMatchObject({ status: 503, text: "SYSTEM BOOTING" });
  expect((await get("/healthz")).status).toBe(200);
  server.reasons = [];
});

test("figures are Prometheus text, and hold no app, token or URL", async () => {
  await server.call("POST", "/apps", { name: "secretive" });
  await server.call("POST", "/apps/secretive/log-drains", { url: "https://hidden.example.com/" });
  acceptedLines.inc({ via: "http" }, 3);
  const { text, headers } = await get("/metrics");
  expect(headers["content-type"]).toContain("text/plain");
  expect(text).toMatch(/^tailrace_accepted_lines_total\{via="http"\} 3$/m);
  expect(text).not.toMatch(/secretive|hidden\.example|[td]\.[0-9a-f]{8}-/);
});

test("figures say whether it is ready, also when that is not known in time", async () => {
  const says = (value: number) => async () =>
    new RegExp(`^tailrace_ready ${value}$`, "m").test((await get("/metrics")).text);
  await until(says(1));
  server.reasons = ["JetStream does not answer"];
  await until(says(0)); // figures may be a second old
  server.reasons = [];
  await until(says(1));
  const hangs = fastify();
  await hangs.register(healthApi, { readiness: () => new Promise<never>(() => {}) });
  expect((await hangs.inject("/metrics")).body).toMatch(/^tailrace_ready 0$/m);
  await hangs.close();
});

test("OpenAPI describes every route with a summary, its parameters and its answers", async () => {
  const { json: openApi } = await get("/docs/json");
  const described = new Set<string>();
  for (const [path, calls] of Object.entries(
    openApi.paths as Record<string, Record<string, Record<string, object>>>,
  )) {
    for (const [method, call] of Object.entries(calls)) {
      expect(call.summary, `${method} ${path}`).toBeTruthy();
      expect(call.responses, `${method} ${path}`).toBeTruthy();
      expect(call.tags, `${method} ${path}`).toHaveLength(1);
      described.add(`${method.toUpperCase()} ${path}`);
    }
  }
  const missing = server.routes
    .filter(({ method, url }) => !["HEAD", "OPTIONS", "TRACE"].includes(method) && !url.startsWith("/docs"))
    .filter(({ url }) => !url.endsWith("/*")) // what has no meaning, below a list that says so
    .map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, "{$1}")}`)
    .filter((route) => !described.has(route));
  const refusals = missing.filter((route) => route.includes("/v3/")); // methods that answer 405
  expect(missing).toEqual(refusals);
  expect(described.size).toBeGreaterThan(30);
  expect(Object.keys(openApi.components.securitySchemes)).toEqual(["bearer", "basic"]);
});

test("the pages at /docs come from here alone, and say so to the browser", async () => {
  const page = await get("/docs/");
  expect(page.status).toBe(200);
  const policy = String(page.headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|upgrade-insecure/); // over plain HTTP the page has to work, too
  const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, asset]) => asset!);
  expect(assets.length).toBeGreaterThan(3);
  for (const asset of assets) {
    expect(asset).not.toMatch(/^(https?:)?\/\//);
    expect((await get(new URL(asset, "http://here/docs/").pathname)).status, asset).toBe(200);
  }
});
