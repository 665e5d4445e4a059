/** The router beside clients and dynos that mean it ill: what they send stays their own, and holds nothing for ever. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { RouterLimits } from "../../../cli/up/limits.ts";
import { until } from "../../support/until.ts";
import { RouterRig } from "./router-rig.ts";

let rig: RouterRig;
const open = async (limits: Partial<RouterLimits> = {}) => (rig = await RouterRig.open(limits));
afterEach(() => rig.close());

const requestId = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}";

describe("an offer of another protocol", () => {
  const offer = "Connection: Upgrade\r\nUpgrade: h2c\r\n";

  test.each([
    ["a length", "Content-Length: 5\r\n\r\nhello"],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
  ])("beside a body with %s is passed over, and the body reaches the dyno", async (_, rest) => {
    await open({ answerMsMax: 2_000 });
    let offered: unknown;
    await rig.dyno((request, response) => {
      offered = request.headers.upgrade;
      request.pipe(response);
    });
    const socket = await rig.send(`POST / HTTP/1.1\r\nHost: x\r\n${offer}${rest}`);
    let seen = "";
    socket.on("data", (data) => (seen += data));
    await until(() => seen.includes("hello"));
    expect(offered).toBeUndefined();
    expect((await rig.routerLines())[0]).toContain("method=POST ");
  });

  test.each([
    ["H12", "never answers", () => {}],
    ["H13", "closes without a word", (socket: { end(): void }) => socket.end()],
    [
      "H17",
      "answers what is no HTTP",
      (socket: { end(text: string): void }) => socket.end("garbage\r\n\r\n"),
    ],
  ])("gets the page (%s) when the dyno %s", async (code, _, act) => {
    await open({ answerMsMax: 100 });
    await rig.raw((socket) => socket.once("data", () => act(socket)));
    const answer = await rig.ask(`GET / HTTP/1.1\r\nHost: x\r\n${offer}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*Application error/);
    expect((await rig.routerLines())[0]).toContain(`code=${code} `);
  });

  test("that is refused is closed, though the client does not close its side", async () => {
    await open({ idleMsMax: 50 });
    const socket = connect({ port: rig.router.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {}).resume();
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\n${offer}\r\n`);
    await once(socket, "end");
    await until(() => {
      socket.write("x"); // a connection that is closed answers with a reset
      return socket.destroyed;
    });
  });

  test("is answered by a stream that goes on for longer than a first answer may take", async () => {
    await open({ answerMsMax: 100 });
    await rig.dyno(async (_, response) => {
      for (let n = 0; n < 5; n++) {
        response.write(`tick ${n}\n`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      response.end("end");
    });
    const answer = await rig.ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    expect(answer.endsWith("tick 4\nend")).toBe(true);
    expect((await rig.routerLines())[0]).toContain("status=200 bytes=38 ");
  });
});

describe("hostile bytes", () => {
  test.each([
    [
      'GET /"%0Aat=info&x HTTP/1.1\r\nHost: a"b c\r\nX-Forwarded-For: 1" code=H99 \xff\r\n',
      /path="\/%22%0Aat=info&x" host=a%22b%20c .* fwd="1%22 code=H99 %FF, 127\.0\.0\.1" /,
    ],
    [`GET /${"a".repeat(9_000)} HTTP/1.1\r\nHost: ${"h".repeat(900)}\r\n`, /path="\/a{4095}" host=h{256} /],
    [
      'GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: a" b=c ddddddddddddddddd\r\n',
      new RegExp(`request_id=${requestId} `),
    ],
  ])("in %j stay in their word of the line", async (head, form) => {
    await open();
    await rig.dyno((_, response) => response.end("x"));
    await rig.ask(`${head}Connection: close\r\n\r\n`);
    const [line] = await rig.routerLines();
    expect(line).toMatch(form);
    expect(line).toMatch(/^[\x20-\x7e]+$/);
  });

  test.each([
    [
      "two lengths",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["a line end in a header", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc: d\r\n\r\n"],
    ["headers of 40 KiB", `GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(40_000)}\r\n\r\n`],
    ["no HTTP", "hello\r\n\r\n"],
  ])("with %s reach no dyno", async (_, bytes) => {
    await open();
    let requests = 0;
    await rig.dyno((_request, response) => {
      requests++;
      response.end();
    });
    expect(await rig.ask(bytes)).toMatch(/^HTTP\/1\.1 4[0-9]{2} /);
    expect(requests).toBe(0);
  });

  test.each(["GET", "HEAD", "DELETE", "OPTIONS"])(
    "in the body of a %s are no request of their own, whatever Connection names",
    async (method) => {
      await open();
      const seen: string[] = [];
      await rig.dyno(async (request, response) => {
        let body = "";
        for await (const chunk of request) body += chunk;
        seen.push(`${request.url} ${body.length}`);
        response.end();
      });
      const inner = "GET /inner HTTP/1.1\r\nHost: x\r\n\r\n";
      const socket = await rig.send(
        `${method} /outer HTTP/1.1\r\nHost: x\r\nConnection: Content-Length, Host\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
      );
      await once(socket, "data");
      await (await fetch(`${rig.url}/next`)).text();
      expect(seen).toEqual([`/outer ${inner.length}`, "/next 0"]);
    },
  );

  test.each([
    ["interim answers without end", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20)],
    [
      "another protocol that nobody asked for",
      "HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nabc",
    ],
  ])("of a dyno that are %s end its answer at once", async (_, bytes) => {
    await open();
    let isClosed = false;
    await rig.raw((socket) => {
      socket.on("close", () => (isClosed = true));
      socket.once("data", () => socket.write(bytes));
    });
    expect((await fetch(rig.url)).status).toBe(503);
    expect((await rig.routerLines())[0]).toContain("code=H17 ");
    await until(() => isClosed);
  });

  test("of a dyno's header do not reach the client", async () => {
    await open();
    await rig.raw((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 200 O\x01K\r\nA: b\x01c\r\nContent-Length: 0\r\n\r\n")),
    );
    expect((await fetch(rig.url)).status).toBe(503);
    expect((await rig.routerLines())[0]).toContain("code=H17 ");
  });
});

test("an answer to a slow client waits thousands of times, and leaves nothing behind", async () => {
  await open();
  let isOver = false;
  await rig.dyno(async (_, response) => {
    const chunk = Buffer.alloc(1024 * 1024);
    for (let n = 0; n < 60; n++) if (!response.write(chunk)) await once(response, "drain");
    response.end();
    isOver = true;
  });
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => warnings.push(name);
  process.on("warning", onWarning);
  const socket = await rig.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  socket.on("data", () => {
    socket.pause();
    setImmediate(() => socket.resume());
  });
  await once(socket, "close");
  process.off("warning", onWarning);
  expect({ isOver, warnings }).toEqual({ isOver: true, warnings: [] });
});
