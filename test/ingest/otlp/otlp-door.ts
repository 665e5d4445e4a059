/** A server with `POST /v1/logs` and `POST /logs` over a scripted log. */
import type { AddressInfo } from "node:net";
import fastify from "fastify";
import { BodyBudget } from "../../../src/ingest/bodies/body-budget.ts";
import { ingestHttp } from "../../../src/ingest/http/http.ts";
import { otlpHttp } from "../../../src/ingest/otlp/otlp-http.ts";
import { doorOptions } from "../doors.ts";
import { fakeKeys, tokenOf } from "../registry.ts";

export type OtlpDoor = Awaited<ReturnType<typeof openOtlpDoor>>;

export async function openOtlpDoor(bounds: Parameters<typeof doorOptions>[0] = {}) {
  const door = doorOptions(bounds);
  const { options } = door;
  const bodies = new BodyBudget(options.queues.budget, options);
  const parts = { ...options, bodies, addressOf: () => "here", keys: fakeKeys };
  const server = fastify({ forceCloseConnections: true });
  await server.register(ingestHttp, parts);
  await server.register(otlpHttp, parts);
  await server.listen({ host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  return {
    ...door,
    url,
    bodies,
    post: (path: string, body: Uint8Array | string, headers: Record<string, string> = {}) =>
      fetch(`${url}${path}`, {
        method: "POST",
        body: typeof body === "string" ? body : new Uint8Array(body),
        headers: { authorization: `Bearer ${tokenOf(1)}`, ...headers },
      }),
    close: () => server.close(),
  };
}
