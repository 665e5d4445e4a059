/** Bodies of API calls. Clients are not careful with their media type; what is no JSON is refused all the same. */
import type { FastifyInstance } from "fastify";
import { paramsInvalid } from "../errors.ts";

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

/** Refuses fields that nothing reads: one that is misspelt would be left out without a word. `at` ends in a dot. */
export function refuseUnknown(given: object, at: string, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const names = known.map((name) => `\`${at}${name}\``).join(", ");
  throw paramsInvalid(`there is no \`${at}${unknown.slice(0, 50)}\`; there are ${names}`);
}
