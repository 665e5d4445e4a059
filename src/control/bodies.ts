/**
 * Reads the bodies of API calls. Clients are careless with the media type, so it is ignored; a body that is not JSON is
 * refused.
 */
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { hasManyValues, valuesMax } from "../core/wire/json-elements.ts";
import { paramsInvalid, requestRefused } from "../errors/api.ts";
import { AppError } from "../errors/app-error.ts";
import { bodyTooLarge, codingUnsupported } from "../errors/ingest.ts";
import { readBody } from "../ingest/bodies/body.ts";
import type { BodyBudget } from "../ingest/bodies/body-budget.ts";
import { codingOf } from "../ingest/bodies/body-coding.ts";
import { ingestLimits } from "../ingest/limits.ts";

/** The memory that bodies are read into: API calls share it with `POST /logs`. */
export type BodyDeps = {
  readonly bodies: BodyBudget;
  readonly addressOf: (socket: Socket) => string;
};

/** Why a body is refused that is JSON. */
const forbiddenName = "nothing may have the name `__proto__`, nor `constructor` with a `prototype`";

/** The largest bodies hold three PEM files. */
const limits = { ...ingestLimits, bodyBytesMax: 512 * 1024 };

/** Reads every body as JSON, whatever its media type. A missing or empty body counts as an empty object. */
export function readBodies(server: FastifyInstance, deps: BodyDeps): void {
  const parse = server.getDefaultJsonParser("error", "error");
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", async (request: FastifyRequest) => {
    const text = await textOf(request, deps);
    if (text === "") return {};
    return new Promise((resolve, reject) => {
      parse(request, text, (error, body) => {
        if (error === null) resolve(body);
        else reject(isJson(text) ? paramsInvalid(forbiddenName) : error);
      });
    });
  });
  server.addHook("preValidation", async (request) => {
    if (request.body === undefined && request.method !== "GET") request.body = {};
  });
}

/**
 * The body of a call as text, within the bounds of size, time, pace and memory. It is parsed at one go by whoever gets
 * it, and as JSON has thirty times its length in memory when it is nothing but values, so their number is bounded too.
 */
export async function textOf(request: FastifyRequest, { bodies, addressOf }: BodyDeps): Promise<string> {
  if (codingOf(request.raw) === undefined) throw codingUnsupported(request.headers["content-encoding"]!);
  const reservation = bodies.reserve({ address: addressOf(request.raw.socket) });
  try {
    const body = await readBody(request.raw, reservation, limits);
    if (hasManyValues(body)) throw requestRefused(413, `its body has more than ${valuesMax} values`);
    return body.toString();
  } catch (error) {
    const isTooLarge = error instanceof AppError && error.code === bodyTooLarge(0).code;
    throw isTooLarge ? requestRefused(413, `its body has more than ${limits.bodyBytesMax} bytes`) : error;
  } finally {
    reservation.release();
  }
}

/** Refuses unknown fields, because a misspelt one would otherwise be silently ignored. `at` ends in a dot. */
export function refuseUnknown(given: object, at: string, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const names = known.map((name) => `\`${at}${name}\``).join(", ");
  throw paramsInvalid(`there is no \`${at}${unknown.slice(0, 50)}\`; there are ${names}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
