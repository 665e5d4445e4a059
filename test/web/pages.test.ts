/** How the page is served: a fixed set of files, under our own names alone, and what the browser may do with them. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type FastifyInstance, fastify } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { refuseForeignHost } from "../../src/control/browser.ts";
import { answerErrors } from "../../src/http/api-errors.ts";
import { webPages } from "../../src/web/pages.ts";

let folder: string;
let server: FastifyInstance;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-page-"));
  await mkdir(join(folder, "web", "assets"), { recursive: true });
  await writeFile(join(folder, "secret.html"), "not to be seen");
  await writeFile(join(folder, "web", "index.html"), "<!doctype html>page");
  await writeFile(join(folder, "web", "assets", "page-1a2b.js"), "let script = 1;".repeat(50));
  await writeFile(join(folder, "web", "notes.txt"), "of no type that is served");
  server = fastify();
  answerErrors(server);
  await server.register(webPages, {
    folder: join(folder, "web"),
    refuseForeignHost: (request) => refuseForeignHost(request, "https://logs.example.com"),
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const get = (url: string, headers: Record<string, string> = {}) =>
  server.inject({ url, headers: { host: "127.0.0.1:8601", ...headers } });

test("every file says what the browser may do with it: nothing from elsewhere, no frame, no script of its own making", async () => {
  for (const url of ["/", "/assets/page-1a2b.js"]) {
    const { statusCode, headers } = await get(url);
    expect(statusCode).toBe(200);
    const csp = String(headers["content-security-policy"]);
    expect(csp).not.toMatch(/unsafe|\*|https?:|data:/);
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "require-trusted-types-for 'script'",
    ])
      expect(csp).toContain(part);
    expect(headers).toMatchObject({
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
  }
});

test("files whose names change with their content are kept, the page itself is asked for again", async () => {
  expect((await get("/assets/page-1a2b.js")).headers["cache-control"]).toContain("immutable");
  const page = await get("/");
  expect(page.headers["cache-control"]).toBe("no-cache");
  const again = await get("/", { "if-none-match": String(page.headers.etag) });
  expect([again.statusCode, again.body]).toEqual([304, ""]);
});

test("a browser that knows gzip gets it", async () => {
  const { headers, rawPayload } = await get("/assets/page-1a2b.js", { "accept-encoding": "gzip, br" });
  expect(headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(rawPayload).toString()).toContain("let script");
});

test.each([
  "/secret.html",
  "/../secret.html",
  "/%2e%2e/secret.html",
  "/assets/../../secret.html",
  "/assets/..%2f..%2fsecret.html",
  "/assets",
  "/notes.txt",
  "/index.html/",
])("%s is no file of the page", async (url) => {
  const { statusCode, body } = await get(url);
  expect(statusCode).toBe(404);
  expect(body).not.toContain("not to be seen");
});

test.each([
  ["logs.example.com", 200],
  ["localhost:8601", 200],
  ["todo.localhost", 200],
  ["192.168.1.20:8601", 200],
  ["[::1]:8601", 200],
  ["evil.example", 421],
  ["localhost.evil.example", 421],
  ["logs.example.com.evil.example", 421],
])("under the name %s: %i", async (host, status) => {
  expect((await get("/", { host })).statusCode).toBe(status);
});
