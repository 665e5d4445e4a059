/** A thread that makes all pages at `/docs`, hands them over, and ends. No page loads anything from elsewhere. */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { fastify } from "fastify";
import { makeManual } from "./manual/pages.ts";
import { type ApiDescription, openApiOf } from "./openapi.ts";

export type DocsPage = {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
};

/** The library's own policy would allow styles from other sites, and send browsers of a plain HTTP server to HTTPS. */
const apiPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:", // icons in its style sheet
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const manualPolicy =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The pages of the API by path, as the library would send them to the first client. */
async function apiPages(prefix: string, document: object): Promise<ReadonlyMap<string, DocsPage>> {
  const library = fastify();
  await library.register(swagger, { mode: "static", specification: { document } as never });
  await library.register(swaggerUi, {
    routePrefix: prefix,
    theme: { title: "tailrace: the API" },
    // Without the top bar, whose logo has an inline style, and which loads descriptions from anywhere.
    uiConfig: { deepLinking: true, persistAuthorization: false, layout: "BaseLayout" },
  });
  const assets = await readdir(
    join(dirname(fileURLToPath(import.meta.resolve("@fastify/swagger-ui"))), "static"),
  );
  const paths = ["", "/", "/json", "/yaml", "/static/swagger-initializer.js"];
  const pages = new Map<string, DocsPage>();
  for (const path of [...paths, ...assets.map((name) => `/static/${name}`)]) {
    const { statusCode, headers, rawPayload } = await library.inject(prefix + path);
    if (statusCode !== 200) continue;
    const kept = {
      "content-type": String(headers["content-type"]),
      "content-security-policy": apiPolicy,
      "x-content-type-options": "nosniff",
    };
    pages.set(prefix + path, { headers: kept, body: new Uint8Array(rawPayload) });
  }
  return pages;
}

/** The pages of the manual by path; a page may have several. */
async function manualPages(): Promise<ReadonlyMap<string, DocsPage>> {
  const pages = new Map<object, DocsPage>();
  const byPath = new Map<string, DocsPage>();
  for (const [path, made] of await makeManual()) {
    const headers = {
      "content-type": made.type,
      "content-security-policy": manualPolicy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    };
    const page = pages.get(made) ?? { headers, body: new Uint8Array(made.body) };
    pages.set(made, page);
    byPath.set(path, page);
  }
  return byPath;
}

const { prefix, description } = workerData as {
  readonly prefix: string;
  readonly description: ApiDescription;
};
const document = await openApiOf(description);
const pages = new Map([...(await apiPages(prefix, document)), ...(await manualPages())]);
parentPort!.postMessage(pages, [...new Set([...pages.values()].map(({ body }) => body.buffer))]);
