/** The router between real sockets: what goes through, what it says of it, and every way in which it fails. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";

import { Readable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import type { RouterLimits } from "../../../cli/up/limits.ts";
import { until } from "../../support/until.ts";
import { RouterRig } from "./router-rig.ts";

let rig: RouterRig;
const open = async (limits: Partial<RouterLimits> = {}) => (rig = await RouterRig.open(limits));
afterEach(() => rig.close());

const requestId = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}";

describe("a request", () => {
  test("is answered by the dyno, and told in Heroku's form with true figures", async () => {
    await open();
    await rig.dyno((_, response) => response.end("hello, world!"));
    const answer = await fetch(`${rig.url}/a?b=c`);
    expect(await answer.text()).toBe("hello, world!");
    const [line] = await rig.routerLines();
    expect(line).toMatch(
      new RegExp(
        `^at=info method=GET path="/a\\?b=c" host=127\\.0\\.0\\.1:[0-9]+ request_id=${requestId} fwd="127\\.0\\.0\\.1" ` +
          "dyno=web\\.1 connect=[0-9]+ms service=[0-9]+ms status=200 bytes=13 protocol=http$",
      ),
    );
  });

  test("brings the headers of its way, and none of the client's connection or the router's own that it made up", async () => {
    await open();
    let seen: IncomingMessage | undefined;
    await rig.dyno((request, response) => {
      seen = request;
      response.end();
    });
    await rig.ask(
      "GET / HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Secret: 1\r\n" +
        "Connection: close, X-Secret\r\nX-Request-ID: forged\r\nAccept: */*\r\n\r\n",
    );
    expect(seen!.headers).toMatchObject({
      host: "shop.test",
      accept: "*/*",
      "x-forwarded-for": "203.0.113.7, 127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-port": String(rig.router.port),
      via: "1.1 tailrace",
    });
    expect(seen!.headers["x-request-id"]).toMatch(new RegExp(`^${requestId}$`));
    expect(seen!.headers).not.toHaveProperty("x-secret");
    expect((await rig.routerLines())[0]).toContain('fwd="203.0.113.7, 127.0.0.1"');
  });

  test("keeps an id of its own that looks like one", async () => {
    await open();
    await rig.dyno((request, response) => response.end(request.headers["x-request-id"]));
    const id = "abcdefghij-0123456789";
    expect(await (await fetch(rig.url, { headers: { "X-Request-ID": id } })).text()).toBe(id);
    expect((await rig.routerLines())[0]).toContain(`request_id=${id} `);
  });

  test.each([
    ["with a length", { "content-length": "5" }, "12345"],
    ["in chunks", { "transfer-encoding": "chunked" }, "5\r\n12345\r\n0\r\n\r\n"],
  ])("with a body %s comes whole, and as it was framed", async (_, headers, body) => {
    await open();
    await rig.dyno(async (request, response) => {
      let text = "";
      for await (const chunk of request.setEncoding("utf8")) text += chunk;
      response.end(JSON.stringify({ text, ...request.headers }));
    });
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const answer = await rig.ask(
      `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${head.join("")}\r\n${body}`,
    );
    expect(JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1))).toMatchObject({
      text: "12345",
      ...headers,
    });
  });

  test("keeps repeated headers of the answer, its status text and its cookies", async () => {
    await open();
    await rig.raw((socket) =>
      socket.end(
        "HTTP/1.1 418 Short and stout\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nhi",
      ),
    );
    const answer = await rig.ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 418 Short and stout\r\n/);
    expect(answer).toContain("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
  });

  test("uses the dyno's connection again, which then costs no time", async () => {
    await open();
    let connections = 0;
    const server = await rig.dyno((_, response) => response.end("x"));
    server.on("connection", () => connections++);
    for (let n = 0; n < 5; n++) await (await fetch(rig.url)).text();
    expect(connections).toBe(1);
    expect((await rig.routerLines(5)).slice(1).every((line) => line.includes("connect=0ms"))).toBe(true);
  });

  test("is not sent again when the dyno ends with it: it may be the reason", async () => {
    await open();
    let requests = 0;
    await rig.raw((socket) => {
      socket.on("data", () => {
        if (++requests === 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        else socket.resetAndDestroy();
      });
    });
    expect(await (await fetch(rig.url)).text()).toBe("hi");
    expect((await fetch(rig.url)).status).toBe(503);
    expect(requests).toBe(2);
    expect((await rig.routerLines(2))[1]).toContain("code=H13");
  });

  test("finds a new connection when the dyno has closed the one before", async () => {
    await open();
    const server = await rig.dyno((_, response) => response.end("x"));
    await (await fetch(rig.url)).text();
    (server as import("node:http").Server).closeIdleConnections();
    await until(
      () => new Promise<boolean>((resolve) => server.getConnections((_, count) => resolve(count === 0))),
    );
    expect((await fetch(rig.url)).status).toBe(200);
  });

  test("to HEAD brings no body, and the length that the dyno said", async () => {
    await open();
    await rig.dyno((_, response) => response.writeHead(200, { "content-length": "1000" }).end());
    const answer = await fetch(rig.url, { method: "HEAD" });
    expect(answer.headers.get("content-length")).toBe("1000");
    expect((await rig.routerLines())[0]).toContain("status=200 bytes=0 ");
  });
});

describe("a stream", () => {
  test("goes on as it comes, and 50 MB of it wait in no memory of the router", async () => {
    await open();
    const chunk = Buffer.alloc(64 * 1024, 7);
    let written = 0;
    await rig.dyno((_, response) => {
      const source = Readable.from(
        (function* () {
          for (let n = 0; n < 800; n++) {
            written += chunk.length;
            yield chunk;
          }
        })(),
      );
      source.pipe(response);
    });
    const socket = await rig.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    socket.pause();
    const before = new Set<number>();
    await until(() => {
      const isStill = before.has(written) && written > 0;
      before.add(written);
      return isStill;
    });
    expect(written).toBeLessThan(30_000_000); // what the kernel's buffers take
    let bytes = 0;
    socket.on("data", (data) => (bytes += data.length));
    socket.resume();
    await once(socket, "close");
    expect(bytes).toBeGreaterThan(800 * chunk.length);
    expect((await rig.routerLines())[0]).toContain(`bytes=${800 * chunk.length} `);
  });

  test("of the client's comes to the dyno while it is sent", async () => {
    await open();
    await rig.dyno((request, response) => {
      request.once("data", (first) => response.write(first));
      request.on("end", () => response.end("end"));
    });
    const upload = httpRequest(rig.url, { method: "POST" });
    upload.write("first");
    const [answer] = (await once(upload, "response")) as [IncomingMessage];
    const [echoed] = await once(answer, "data");
    expect(String(echoed)).toBe("first"); // before the body was whole
    upload.end();
    expect(String((await once(answer, "data"))[0])).toBe("end");
  });

  test("of a WebSocket goes both ways, and its line tells how long it was", async () => {
    await open();
    const server = await rig.dyno(() => {});
    server.on("upgrade", (request: IncomingMessage, socket) => {
      const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}x`).digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.on("data", (data: Buffer) => socket.write(`echo ${data}`)).on("end", () => socket.end());
    });
    const socket = await rig.send(
      "GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n",
    );
    let seen = "";
    socket.setEncoding("latin1").on("data", (data) => (seen += data));
    await until(() => seen.includes("101 Switching"));
    expect(seen).toContain("Sec-WebSocket-Accept: ");
    socket.write("ping");
    await until(() => seen.endsWith("echo ping"));
    expect(rig.lines).toEqual([]);
    socket.end();
    expect((await rig.routerLines())[0]).toMatch(
      /^at=info method=GET path="\/live" .* dyno=web\.1 .* status=101 bytes=9 /,
    );
  });

  test("of a WebSocket that is open ends with the router", async () => {
    await open();
    const server = await rig.dyno(() => {});
    server.on("upgrade", (_, socket) =>
      socket.write("HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
    );
    const socket = await rig.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    await once(socket.resume(), "data");
    const closed = once(socket, "close");
    await rig.router.close(0);
    await closed;
    rig.router = (await RouterRig.open()).router; // for the end of the test
  });

  test("that the dyno does not want to upgrade to gets its answer", async () => {
    await open();
    await rig.dyno((_, response) => response.writeHead(426).end("no"));
    const answer = await rig.ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 426 /);
    expect(answer.endsWith("no")).toBe(true);
    expect((await rig.routerLines())[0]).toContain("status=426 bytes=2 ");
  });
});

describe("the choice of a dyno", () => {
  test("is fair: dynos without work take turns, and a busy one is left alone", async () => {
    await open();
    const counts = [0, 0, 0];
    let isHeld = false;
    for (const index of [0, 1, 2])
      await rig.dyno((request, response) => {
        counts[index]!++;
        if (request.url === "/held") isHeld = true;
        else response.end("x");
      });
    for (let n = 0; n < 30; n++) await (await fetch(rig.url)).text();
    expect(counts).toEqual([10, 10, 10]);
    const held = fetch(`${rig.url}/held`).catch(() => {});
    await until(() => isHeld);
    const holder = counts.indexOf(11);
    for (let n = 0; n < 10; n++) await (await fetch(rig.url)).text();
    expect(counts[holder]).toBe(11);
    await rig.close();
    await held;
  });

  test("passes over a dyno that refuses connections", async () => {
    await open();
    await rig.dyno((_, response) => response.end("one"));
    const gone = await rig.dyno((_, response) => response.end("two"));
    gone.close();
    for (let n = 0; n < 4; n++) expect(await (await fetch(rig.url)).text()).toBe("one");
  });

  test("waits for a dyno that starts", async () => {
    await open();
    rig.state("starting");
    const waiting = fetch(rig.url);
    await rig.dyno((_, response) => response.end("at last"), "web.1");
    expect(await (await waiting).text()).toBe("at last");
  });
});

describe("a failure", () => {
  const page = /Application error/;
  const failing = async (path = "/") => {
    const answer = await fetch(rig.url + path);
    return { status: answer.status, text: await answer.text(), id: answer.headers.get("x-request-id") };
  };

  test.each([
    ["H10", "App crashed", "crashed"],
    ["H14", "No web processes running", "down"],
    ["H14", "No web processes running", undefined],
  ])("%s: %s, where the dyno is %s", async (code, desc, state) => {
    await open();
    if (state !== undefined) rig.state(state);
    const { status, text, id } = await failing();
    expect({ status, text }).toMatchObject({ status: 503, text: expect.stringMatching(page) });
    expect((await rig.routerLines())[0]).toMatch(
      new RegExp(
        `^at=error code=${code} desc="${desc}" method=GET path="/" host=\\S+ request_id=${id} fwd="127.0.0.1" ` +
          "dyno= connect= service= status=503 bytes=0 protocol=http$",
      ),
    );
  });

  test("H12: the dyno never answers", async () => {
    await open({ answerMsMax: 50 });
    await rig.raw(() => {});
    expect(await failing()).toMatchObject({ status: 503, text: expect.stringMatching(page) });
    expect((await rig.routerLines())[0]).toMatch(
      /code=H12 desc="Request timeout" .* dyno=web\.1 connect=\d+ms service=\d+ms status=503/,
    );
  });

  test.each([
    ["H13", "closes without a word", (socket: { end(): void }) => socket.end()],
    [
      "H17",
      "answers what is no HTTP",
      (socket: { end(text: string): void }) => socket.end("garbage\r\n\r\n"),
    ],
  ])("%s: the dyno %s", async (code, _, act) => {
    await open();
    await rig.raw((socket) => socket.once("data", () => act(socket)));
    expect((await failing()).status).toBe(503);
    expect((await rig.routerLines())[0]).toContain(`code=${code} `);
  });

  test("H15: an answer that has begun brings nothing more", async () => {
    await open({ idleMsMax: 50 });
    await rig.dyno((_, response) => response.write("begun"));
    const answer = await fetch(rig.url);
    await expect(answer.text()).rejects.toThrow();
    expect((await rig.routerLines())[0]).toMatch(
      /code=H15 desc="Idle connection" .* status=503 bytes=5 sock=backend/,
    );
  });

  test("H18: an answer that breaks off is broken off for the client too", async () => {
    await open();
    await rig.raw((socket) =>
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        setImmediate(() => socket.destroySoon());
      }),
    );
    await expect(fetch(rig.url).then((answer) => answer.text())).rejects.toThrow();
    expect((await rig.routerLines())[0]).toMatch(
      /code=H18 desc="Server Request Interrupted" .* status=503 bytes=4 sock=backend/,
    );
  });

  test.each([
    ["H20", { bootWaitMsMax: 30 }, "starting"],
    ["H11", { requestsMax: 0 }, "starting"],
  ])("%s: at the bound %j", async (code, limits, state) => {
    await open(limits);
    rig.state(state);
    expect((await failing()).status).toBe(503);
    expect((await rig.routerLines())[0]).toContain(`code=${code} `);
  });

  test("H21: no dyno takes the connection", async () => {
    await open();
    const gone = await rig.dyno(() => {});
    gone.close();
    expect((await failing()).status).toBe(503);
    expect((await rig.routerLines())[0]).toMatch(/code=H21 .* connect= service= status=503/);
  });

  test("H27: the client goes before the answer, and the dyno hears of it", async () => {
    await open();
    let isClosed = false;
    let isHere = false;
    await rig.dyno((request) => {
      isHere = true;
      request.on("close", () => (isClosed = true));
    });
    const socket = await rig.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => isHere);
    socket.destroy();
    expect((await rig.routerLines())[0]).toMatch(
      /^at=info code=H27 desc="Client Request Interrupted" .* status=499 bytes=0 sock=client/,
    );
    await until(() => isClosed);
  });

  test("H28: a body that does not go on", async () => {
    await open({ idleMsMax: 50 });
    await rig.dyno(() => {});
    await rig.ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123");
    expect((await rig.routerLines())[0]).toMatch(/code=H28 .* status=499 .* sock=client/);
  });

  test("of one request leaves the others alone", async () => {
    await open({ answerMsMax: 200 });
    await rig.dyno((request, response) => {
      if (request.url === "/bad") request.socket.destroy();
      else if (request.url !== "/never") response.end("fine");
    });
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => fetch(rig.url + ["/", "/bad", "/never"][n % 3])),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map((_, n) => (n % 3 === 0 ? 200 : 503)));
  });
});

test("connections beyond the bound are closed", async () => {
  await open({ connectionsMax: 2 });
  await rig.dyno((_, response) => response.end("x"));
  const held = [await rig.send(""), await rig.send("")];
  const third = await rig.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  third.resume();
  await once(third, "close");
  held[0]!.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  expect(String((await once(held[0]!, "data"))[0])).toContain("200 OK");
});
