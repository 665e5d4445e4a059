/** Bodies of API calls. Clients are not careful with their media type; what is no JSON is refused all the same. */
import type { FastifyInstance } from "fastify";

/** The largest have three PEM files. */
export const bodyBytesMax = 512 * 1024;

/** Reads every body as JSON, whatever it is called; none, or an empty one, is an object without fields. */
export function readBodies(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser("error", "error");
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    "*",
    { parseAs: "string", bodyLimit: bodyBytesMax },
    (request, body: string, done) => (body === "" ? done(null, {}) : parse(request, body, done)),
  );
  server.addHook("preValidation", async (request) => {
    if (request.body === undefined && request.method !== "GET") request.body = {};
  });
}
