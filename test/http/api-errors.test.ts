import fastify from "fastify";
import { expect, test } from "vitest";
import { storeUncertain, storeUnread } from "../../src/errors/store.ts";
import { answerErrors, errorBody } from "../../src/http/api-errors.ts";

const uncertain = storeUncertain(new Error("NATS does not answer"));

test.each([
  ["GET", "/apps/:app", storeUnread(undefined)],
  ["HEAD", "/apps/:app", undefined],
  ["POST", "/apps/:app/log-sessions", storeUnread(undefined)],
  ["POST", "/apps/:app/log-drains", uncertain],
  ["PATCH", "/apps/:app", uncertain],
  ["DELETE", "/apps/:app", uncertain],
] as const)(
  "%s %s with a store that does not answer says what may have been stored, or nothing of it",
  async (method, url, failure) => {
    const server = fastify();
    answerErrors(server);
    server.route({
      method,
      url,
      handler: () => {
        throw uncertain;
      },
    });
    const answer = await server.inject({ method, url: url.replace(":app", "shop") });
    expect(answer.statusCode).toBe(503);
    expect(answer.headers["retry-after"]).toBe("1");
    if (failure !== undefined) expect(answer.json()).toEqual(errorBody(failure));
    await server.close();
  },
);
