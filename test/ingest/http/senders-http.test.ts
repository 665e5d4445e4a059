import { hostname } from "node:os";
import fastify from "fastify";
import { expect, test } from "vitest";
import { sendersHttp } from "../../../src/ingest/http/senders-http.ts";
import { Senders } from "../../../src/ingest/senders/senders.ts";
import { noOtherNodes } from "../../../src/other-nodes.ts";
import { FakeTokens, fakeKeys, tokenOf } from "../registry.ts";

test("the operator is told who sends, nobody else is", async () => {
  const senders = new Senders({ clock: { nowMs: () => 0 }, sendersMax: 10 });
  Object.assign(senders.heard("10.0.0.1", "syslog"), { framing: "newline", frames: 3 });
  senders.failed("10.0.0.2", "tls", "x");
  const server = fastify();
  server.setErrorHandler((error, _, reply) => reply.code((error as { status: number }).status).send({}));
  await server.register(sendersHttp, {
    senders,
    tokens: new FakeTokens(),
    keys: fakeKeys,
    others: noOtherNodes,
  });
  const ask = async (secret?: string) => {
    const headers = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
    return server.inject({ url: "/senders", headers });
  };
  for (const secret of [undefined, "nobody", tokenOf(1)]) expect((await ask(secret)).statusCode).toBe(401);
  for (const secret of ["reader", "one-app"]) expect((await ask(secret)).statusCode).toBe(403);
  const { statusCode, json } = await ask("everything");
  expect(statusCode).toBe(200);
  expect(json()).toEqual([
    {
      peer: "10.0.0.1",
      door: "syslog",
      framing: "newline",
      frames: 3,
      seen_at: "1970-01-01T00:00:00.000Z",
      node: hostname(),
      last_error: null,
    },
    {
      peer: "10.0.0.2",
      door: null,
      framing: null,
      frames: 0,
      seen_at: "1970-01-01T00:00:00.000Z",
      node: hostname(),
      last_error: expect.objectContaining({ cause: "tls", first_bytes: "x", mend: expect.any(String) }),
    },
  ]);
  await server.close();
});
