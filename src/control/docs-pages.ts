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
const headersKept = ["content-type", "content-security-policy"];

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
    staticCSP: true,
    uiConfig: { deepLinking: true, persistAuthorization: false },
  });
  const assets = await readdir(
    join(dirname(fileURLToPath(import.meta.resolve("@fastify/swagger-ui"))), "static"),
  );
  const paths = ["", "/", "/json", "/yaml", "/static/swagger-initializer.js"];
  const pages = new Map<string, Page>();
  for (const path of [...paths, ...assets.map((name) => `/static/${name}`)]) {
    const { statusCode, headers, rawPayload } = await library.inject(prefix + path);
    if (statusCode !== 200) continue;
    const kept = headersKept.flatMap((name) =>
      headers[name] === undefined ? [] : [[name, String(headers[name])]],
    );
    pages.set(prefix + path, { headers: Object.fromEntries(kept), body: rawPayload });
  }
  await library.close();
  return pages;
}
