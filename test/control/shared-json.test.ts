/** Requests that wait for one reading share its JSON, and each answer is as if it had been made for it alone. */
import fastify from "fastify";
import { expect, test } from "vitest";
import { sendShared } from "../../src/control/shared-json.ts";
import { kept } from "../support/kept.ts";

const schema = {
  response: { 200: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } } },
};

function rig() {
  let made = 0;
  const server = kept(fastify());
  const readings = new Map<string, Promise<readonly { name: string; secret: string }[]>>();
  server.get<{ Querystring: { reading: string } }>("/", { schema }, async ({ query: { reading } }, reply) => {
    if (!readings.has(reading))
      readings.set(reading, Promise.resolve([{ name: `ä ${reading}`, secret: "s" }]));
    const found = await readings.get(reading)!;
    return sendShared(reply, found, () => {
      made++;
      return found;
    });
  });
  return { ask: (reading: string) => server.inject({ url: "/", query: { reading } }), made: () => made };
}

test("thirty requests that wait for two readings have their JSON made twice", async () => {
  const { ask, made } = rig();
  const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => ask(`${n % 2}`)));
  expect(made()).toBe(2);
  for (const [n, { body, headers, statusCode }] of answers.entries()) {
    expect(statusCode).toBe(200);
    expect(body).toBe(JSON.stringify([{ name: `ä ${n % 2}` }])); // the fields of the schema, no others
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(headers["content-length"]).toBe(String(Buffer.byteLength(body)));
  }
});
