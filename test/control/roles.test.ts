/** Every route there is, asked of nodes with every set of roles: it is answered, or told whose it is. */
import { type FastifyInstance, fastify } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RouteParts, registerRoutes } from "../../src/app/http-routes.ts";
import { roles as allRoles, type Role } from "../../src/config.ts";
import { controlApi } from "../../src/control/api.ts";
import { type ApiDescription, describeApi, openApiOf } from "../../src/control/openapi.ts";
import { answerErrors } from "../../src/http/api-errors.ts";
import { ingestHttp } from "../../src/ingest/http/http.ts";
import { noOtherNodes } from "../../src/other-nodes.ts";
import { sessionStreams } from "../../src/tail/http.ts";
import { ControlServer, operatorSecret } from "../support/control-server.ts";

type Route = { readonly method: string; readonly url: string };

let whole: ControlServer;
/** The routes of each role that has any. */
let ownedBy: ReadonlyMap<Role, readonly Route[]>;
beforeAll(async () => {
  whole = await ControlServer.open();
  const parts = partsOf(whole);
  ownedBy = new Map<Role, Route[]>([
    ["ingest", await routesOf((server) => server.register(ingestHttp, parts.ingest))],
    ["tail", await routesOf((server) => server.register(sessionStreams, parts.tail))],
    ["control", await routesOf((server) => server.register(controlApi, parts.control))],
  ]);
});
afterAll(() => whole.close());

/** What routes are made of, as far as a request gets in these tests. */
const partsOf = ({ registry, sessions, addons }: ControlServer): RouteParts => ({
  ingest: {
    others: noOtherNodes,
    bodies: { refusal: () => undefined },
    addressOf: () => "here",
    tokens: registry.tokens,
    keys: registry.keys,
    requestIdsMax: 1,
  } as never,
  tail: { urls: sessions, rights: { take: async () => undefined }, tails: { close() {} } } as never,
  control: {
    ...registry,
    addons,
    tails: { close() {} },
    addressOf: () => "here",
    platforms: { release() {} },
    ingestUrl: undefined,
    publicUrl: undefined,
  } as never,
});

async function routesOf(register: (server: FastifyInstance) => unknown): Promise<Route[]> {
  const server = fastify();
  const routes: Route[] = [];
  server.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, url });
  });
  await register(server as never);
  await server.close();
  return routes;
}

async function open(roles: readonly string[]): Promise<readonly [FastifyInstance, ApiDescription]> {
  const server = fastify({ routerOptions: { maxParamLength: 8192 } });
  answerErrors(server);
  const described = describeApi(server, { version: "0.0.0" });
  await registerRoutes(server, roles, partsOf(whole));
  await server.ready();
  return [server, described()];
}

/** Any request of the route, with what is needed to come as far as it can. */
const ask = (server: FastifyInstance, { method, url }: Route) =>
  server.inject({
    method: method as "GET",
    url: url.replace(/:\w+/g, "x"),
    headers: { authorization: `Bearer ${operatorSecret}`, "content-type": "application/json" },
    ...(["POST", "PUT", "PATCH"].includes(method) && { payload: "{" }),
  });

const subsets = Array.from({ length: 2 ** allRoles.length }, (_, bits) =>
  allRoles.filter((_, i) => bits & (2 ** i)),
).filter((roles) => roles.length > 0);

test("the table has the routes of every role", () => {
  const has = (role: Role, route: string) =>
    ownedBy.get(role)!.some(({ method, url }) => `${method} ${url}` === route);
  expect(has("ingest", "POST /logs")).toBe(true);
  expect(has("tail", "GET /sessions/:id")).toBe(true);
  expect(has("control", "GET /apps/:app")).toBe(true);
  expect(has("control", "GET /v3/channels/:channel/logs")).toBe(true);
  expect(ownedBy.get("control")!.length).toBeGreaterThan(40);
});

test.each(subsets.map((roles) => ({ roles })))("a node with the roles $roles", async ({ roles }) => {
  const [server, description] = await open(roles);
  const described = Object.keys(((await openApiOf(description)) as { paths: object }).paths);
  for (const [role, routes] of ownedBy) {
    const isHere = roles.includes(role);
    for (const route of routes) {
      const { statusCode, payload, headers } = await ask(server, route);
      const label = `${route.method} ${route.url}`;
      expect(statusCode === 421, label).toBe(!isHere);
      if (isHere) continue;
      expect(described, label).not.toContain(route.url.replace(/:(\w+)/g, "{$1}"));
      if (route.method === "HEAD") continue;
      const text = /json/.test(String(headers["content-type"])) ? JSON.parse(payload).message : payload;
      expect(text, label).toContain(
        `This node has the role${roles.length > 1 ? "s" : ""} ${roles.join(", ")}, and `,
      );
      expect(text, label).toContain(`${route.url} needs the role ${role}.`);
      expect(text, label).toContain(role === "ingest" ? "--ingest-url" : "--public-url");
    }
  }
  await server.close();
});

test("the answer names no secret that stands in the path, and comes before the credentials are looked at", async () => {
  const [server] = await open(["drain"]);
  for (const [method, url] of [
    ["GET", "/sessions/secret-1"],
    ["DELETE", "/v3/channels/todo/tokens/secret-2"],
    ["GET", "/apps/x/log-drains/secret-3"],
  ] as const) {
    const { statusCode, payload } = await server.inject({ method, url });
    expect(statusCode).toBe(421);
    expect(payload).not.toContain("secret-");
  }
  await server.close();
});
