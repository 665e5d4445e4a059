/**
 * The pages at `/docs`, OpenAPI at `/docs/json`, the manual at `/docs/manual`. They never change while the server runs, so they are made once, when
 * it listens, and each is sent from one buffer. Nothing of them comes from elsewhere.
 */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { type FastifyPluginAsync, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { pathNotFound } from "../errors/access.ts";
import { manualPages } from "./manual/manual.ts";
import { sharedAnswer } from "./shared-answer.ts";

/** OpenAPI, as an object. */
type Document = ReturnType<import("fastify").FastifyInstance["swagger"]>;

type Page = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

const prefix = "/docs";
/** The library's own policy would let styles of other sites in, and send browsers of a plain HTTP server to HTTPS. */
const policy = [
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

export type DocsOptions = {
  /** Called once, when somebody first looks. */
  readonly document: () => Document;
};

/** The routes. */
export const docsPages: FastifyPluginAsync<DocsOptions> = async (server, { document }) => {
  const pages = sharedAnswer(() => makePages(document()), Number.POSITIVE_INFINITY);
  const send = async (request: FastifyRequest, reply: FastifyReply) => {
    const page = (await pages()).get(request.url.split("?", 1)[0]!);
    if (page === undefined) throw pathNotFound();
    return reply.headers(page.headers).send(page.body);
  };
  server.addHook("onListen", async () => {
    await pages(); // it takes a fifth of a second, which no request should
  });
  await server.register(manualPages);
  for (const url of [prefix, `${prefix}/*`]) server.get(url, { schema: { hide: true } }, send);
};

/** Every page by its path, as the library would send it to the first who asks. */
async function makePages(specification: Document): Promise<ReadonlyMap<string, Page>> {
  const library = fastify();
  await library.register(swagger, { mode: "static", specification: { document: specification } as never });
  await library.register(swaggerUi, {
    routePrefix: prefix,
    theme: { title: "tailrace: the API" },
    // Without its top bar, whose logo brings a style of its own, and which loads descriptions from anywhere.
    uiConfig: { deepLinking: true, persistAuthorization: false, layout: "BaseLayout" },
  });
  const assets = await readdir(
    join(dirname(fileURLToPath(import.meta.resolve("@fastify/swagger-ui"))), "static"),
  );
  const paths = ["", "/", "/json", "/yaml", "/static/swagger-initializer.js"];
  const pages = new Map<string, Page>();
  for (const path of [...paths, ...assets.map((name) => `/static/${name}`)]) {
    const { statusCode, headers, rawPayload } = await library.inject(prefix + path);
    if (statusCode !== 200) continue;
    const kept = {
      "content-type": String(headers["content-type"]),
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
    };
    pages.set(prefix + path, { headers: kept, body: rawPayload });
  }
  await library.close();
  return pages;
}
