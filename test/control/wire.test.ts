/** What only a real connection shows: paths as clients write them, framing of bodies, names of hosts. */
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ControlServer, operatorSecret } from "../support/control-server.ts";

let server: ControlServer;
let port: number;
const authorization = `Bearer ${operatorSecret}`;

beforeAll(async () => {
  server = await ControlServer.open();
  await server.call("POST", "/apps", { name: "todo" });
  port = Number(new URL(server.url).port);
});
afterAll(() => server.close());

/** The whole answer to bytes as they are, on a connection of its own. */
async function exchange(head: string, body = ""): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text) => (answer += text));
  socket.write(`${head.trim().replaceAll("\n", "\r\n")}\r\nConnection: close\r\n\r\n${body}`);
  await once(socket, "close");
  return answer;
}

test("a drain's URL in the path is decoded exactly once", async () => {
  const url = "https://user:p%40ss@h.example.com:8443/in?x=1";
  await server.call("POST", "/apps/todo/log-drains", { url });
  const path = "https%3A%2F%2Fuser%3Ap%2540ss%40h.example.com%3A8443%2Fin%3Fx%3D1";
  const answer = await exchange(
    `DELETE /apps/todo/log-drains/${path} HTTP/1.1\nHost: here\nAuthorization: ${authorization}\nContent-Type: application/json`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).toContain(JSON.stringify(url));
});

test("lines of v3 come in chunks, and the connection ends", async () => {
  const { id } = (await server.registry.apps.get("todo"))!;
  await server.registry.write(id, 3);
  const call = request({
    port,
    host: "127.0.0.1",
    path: "/v3/channels/todo/logs",
    headers: { authorization },
  });
  call.end();
  const [response] = await once(call, "response");
  expect(response.headers).toMatchObject({ "transfer-encoding": "chunked", connection: "close" });
  expect(response.headers["logplex-msg-count"]).toBe("3");
  let bytes = 0;
  for await (const chunk of response) bytes += chunk.length;
  expect(bytes).toBe(3 * "67 <190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - line 0\n".length);
});

test("a session's address is where the client asked", async () => {
  const ask = (host: string) =>
    exchange(
      `POST /apps/todo/log-sessions HTTP/1.1\n${host}Authorization: ${authorization}\nContent-Length: 0`,
    );
  expect(await ask("Host: logs.internal:7000\n")).toContain(
    '"logplex_url":"http://logs.internal:7000/sessions/',
  );
  expect(await ask("Host: [::1]:7000\n")).toContain('"logplex_url":"http://[::1]:7000/sessions/');
});

test("a path that is no UTF-8 is 400 in JSON, one without end 414", async () => {
  const ask = (path: string) => exchange(`GET ${path} HTTP/1.1\nHost: here\nAuthorization: ${authorization}`);
  expect(await ask("/apps/%ff")).toMatch(/^HTTP\/1\.1 400 [\s\S]*"id":"bad_request"/);
  expect(await ask(`/apps/${"x".repeat(9_000)}`)).toMatch(/^HTTP\/1\.1 414 [\s\S]*"id":"bad_request"/);
});
