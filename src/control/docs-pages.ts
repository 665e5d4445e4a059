/**
 * The pages at `/docs`, OpenAPI at `/docs/json`, the manual at `/docs/manual`. They never change while the server runs.
 * A thread makes them when they are first requested, so that nobody else has to wait and its memory is freed again;
 * after that, each is sent from one buffer.
 */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { pathNotFound } from "../errors/access.ts";
import { backgroundWorker } from "../threads/background-worker.ts";
import type { DocsPage } from "./docs-thread.ts";
import type { ApiDescription } from "./openapi.ts";
import { sharedAnswer } from "./shared-answer.ts";

const docsPrefix = "/docs";

export type DocsOptions = {
  /** Called once, on the first request. */
  readonly described: () => ApiDescription;
};

export const docsPages: FastifyPluginAsync<DocsOptions> = async (server, { described }) => {
  const pages = sharedAnswer(async () => pagesFromThread(described()), Number.POSITIVE_INFINITY);
  const send = async (request: FastifyRequest, reply: FastifyReply) => {
    const page = (await pages()).get(request.url.split("?", 1)[0]!);
    if (page === undefined) throw pathNotFound();
    return reply.headers(page.headers).send(page.body);
  };
  for (const url of [docsPrefix, `${docsPrefix}/*`]) server.get(url, { schema: { hide: true } }, send);
};

type Kept = { readonly headers: DocsPage["headers"]; readonly body: Buffer };

/** Every page by path. Rejects if the thread could not make them. */
function pagesFromThread(description: ApiDescription): Promise<ReadonlyMap<string, Kept>> {
  const thread = backgroundWorker(new URL("./docs-thread", import.meta.url), {
    name: "docs",
    nice: 19, // nobody waits for a page as urgently as for a line
    workerData: { prefix: docsPrefix, description },
    resourceLimits: { maxOldGenerationSizeMb: 128 },
  });
  thread.unref();
  return new Promise((resolve, reject) => {
    thread.once("message", (made: ReadonlyMap<string, DocsPage>) => {
      const kept = [...made].map(
        ([path, { headers, body }]) => [path, { headers, body: asBuffer(body) }] as const,
      );
      resolve(new Map(kept));
    });
    thread.once("error", reject);
    thread.once("exit", () => reject(new Error("the thread that makes the pages at /docs ended")));
  });
}

const asBuffer = ({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): Buffer =>
  Buffer.from(buffer, byteOffset, length);
