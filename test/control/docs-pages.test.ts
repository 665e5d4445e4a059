/** The pages at /docs are made when somebody asks for them, once for all, by a thread of their own. */
import { type FastifyInstance, fastify } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { docsPages } from "../../src/control/docs-pages.ts";
import { describeApi } from "../../src/control/openapi.ts";
import { answerErrors } from "../../src/http/api-errors.ts";

let server: FastifyInstance;
let asked = 0;
let failures = 0;
beforeEach(async () => {
  asked = 0;
  failures = 0;
  server = fastify();
  answerErrors(server);
  const describing = describeApi(server, { version: "1.2.3" });
  const described = () => {
    asked++;
    if (failures-- > 0) throw new Error("not now");
    return describing();
  };
  await server.register(docsPages, { described });
  await server.listen({ port: 0, host: "127.0.0.1" });
});
afterEach(() => server.close());

const get = (url: string) => server.inject({ url });

test("nothing is made before somebody asks, and once for all who ask", async () => {
  expect(asked).toBe(0);
  const paths = [
    "/docs",
    "/docs/json",
    "/docs/manual",
    "/docs/manual/docs/drains",
    "/docs/static/swagger-ui.css",
  ];
  const answers = await Promise.all(paths.flatMap((path) => [get(path), get(`${path}?again`)]));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 200));
  expect(asked).toBe(1);
  expect(answers[2]!.json()).toMatchObject({ info: { title: "tailrace", version: "1.2.3" } });
  expect((await get("/docs/static/elsewhere.css")).statusCode).toBe(404);
  expect((await get("/docs/manual/elsewhere")).statusCode).toBe(404);
});

test("who asks while they cannot be made is told so, and the next one has them", async () => {
  failures = 1;
  const refused = await Promise.all([get("/docs/json"), get("/docs/manual")]);
  expect(refused.map(({ statusCode }) => statusCode)).toEqual([500, 500]);
  expect((await get("/docs/json")).statusCode).toBe(200);
  expect(asked).toBe(2);
});
