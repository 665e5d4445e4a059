import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import { engines, openMemoryLog } from "./logs.ts";
import { StreamServer, type StreamServerOptions } from "./stream-server.ts";

let server: StreamServer;
const start = async (
  retainLines: number,
  options: StreamServerOptions = {},
  openLog: typeof openMemoryLog = openMemoryLog,
) => {
  server = await StreamServer.start(await openLog({ retainLines }), options);
};
afterEach(() => server.close());

// Fills what the kernel holds for a connection soon.
const longLine = (n: number) => `${n} ${"x".repeat(60_000)}`;
const lossForm =
  /^Error L11 \(Tail buffer overflow\) -> This tail session dropped (\d+) messages since (\S+)$/;

describe("a tail that retention passes", () => {
  test.each(
    engines.flatMap((engine) => ["text/event-stream", "text/plain"].map((accept) => ({ ...engine, accept }))),
  )("is told the exact number of lines that it lost, in $accept, on $engine", async ({ accept, openLog }) => {
    await start(40, { ringsBytesMax: 100_000 }, openLog);
    // No line passes both: L11 is no line of the app, so no filter drops it.
    const client = await server.open(server.url({ tail: true, filter: { dynos: ["web"] } }), { accept });
    const total = 700;
    for (let n = 0; n < total; n++) {
      await server.append([longLine(n)]);
      if (n % 10 === 0) await nextTurn();
    }
    await client.until(({ messages }) => messages.at(-1)?.startsWith(`${total - 1} `) === true);

    let due = 0;
    let lost = 0;
    for (const message of client.messages) {
      const loss = lossForm.exec(message);
      if (loss !== null) {
        lost += Number(loss[1]);
        due += Number(loss[1]);
        expect(Math.abs(Date.parse(loss[2]!) - Date.now())).toBeLessThan(60_000);
      } else {
        expect(Number.parseInt(message, 10)).toBe(due++);
      }
    }
    expect(due).toBe(total);
    expect(lost).toBeGreaterThan(0);
    expect(client.text).toMatch(/ heroku\[logplex\]: Error L11 /);
  });

  test("is told so even when its filter keeps no line", async () => {
    await start(40, { ringsBytesMax: 100_000 });
    const client = await server.open(server.url({ tail: true, format: "json", filter: { dynos: ["web"] } }));
    for (let n = 0; n < 400; n++) {
      await server.append([longLine(n)]);
      if (n % 10 === 0) await nextTurn();
    }
    await server.append(["worker.1|end"]);
    await client.until(({ text }) => text.includes("Error L11"));
    const loss = client.parser.events
      .map(({ data }) => JSON.parse(data))
      .find(({ dyno }) => dyno === "logplex");
    expect(loss).toMatchObject({
      source: "heroku",
      severity: "warning",
      message: expect.stringMatching(lossForm),
    });
  });

  test("costs flat memory when its client never reads", async () => {
    await start(40, { ringsBytesMax: 1_000_000 });
    const clients = await Promise.all(
      Array.from({ length: 10 }, () => server.open(server.url({ tail: true }))),
    );
    const write = async (lines: number) => {
      for (let n = 0; n < lines; n++) {
        await server.append([longLine(n)]);
        if (n % 4 === 0) await nextTurn();
      }
    };
    await write(300);
    const before = bufferBytes();
    await write(1500); // 90 MB for each of them
    const grownBytes = bufferBytes() - before;
    expect(grownBytes).toBeLessThan(5_000_000);
    for (const client of clients) client.leave();
    await expect.poll(() => server.tails.count).toBe(0);
  });

  test("is cut off when its client took nothing for too long", async () => {
    await start(40, { stallMsMax: 200, heartbeatMs: 60 });
    const client = await server.open(server.url({ tail: true }));
    for (let n = 0; n < 400; n++) {
      await server.append([longLine(n)]);
      if (n % 10 === 0) await nextTurn();
    }
    await expect.poll(() => server.tails.count).toBe(0);
    await expect(client.end()).rejects.toThrow();
  });

  test("is cut off at once when its right to read is over: what waits for it is not sent", async () => {
    await start(40, { ringsBytesMax: 1_000_000 });
    const client = await server.open(server.url({ tail: true }));
    for (let n = 0; n < 400; n++) {
      await server.append([longLine(n)]);
      if (n % 10 === 0) await nextTurn();
    }
    for (const right of server.rights) right.abort();
    await expect.poll(() => server.tails.count).toBe(0);
    await expect(client.end()).rejects.toThrow();
  });

  test("does not hold up the close of the server", async () => {
    await start(40, { closeMsMax: 100 });
    await server.open(server.url({ tail: true }));
    for (let n = 0; n < 400; n++) {
      await server.append([longLine(n)]);
      if (n % 10 === 0) await nextTurn();
    }
    await server.close();
    expect(server.tails.count).toBe(0);
  });
});

describe("many tails of one app", () => {
  test("format each batch once for all that show it alike", async () => {
    await start(1_000_000);
    const tail = (url: string) => server.open(url);
    const all = Array.from({ length: 100 }, () => tail(server.url({ tail: true, lines: 0 })));
    const some = Array.from({ length: 50 }, () =>
      tail(server.url({ tail: true, lines: 0, filter: { match: "[05]$" } })),
    );
    const clients = await Promise.all([...all, ...some]);
    const batches = 20;
    for (let n = 0; n < batches; n++) await server.append([`${n}`, `${n}.5`]);
    for (const client of clients) {
      await client.until(({ messages }) => messages.at(-1) === `${batches - 1}.5`);
    }
    expect(clients[0]!.messages).toHaveLength(2 * batches);
    expect(clients.at(-1)!.messages).toHaveLength(batches + 2 + 2);
    expect(server.formatted).toBe(2 * batches);
  });
});

describe("a line of line breaks, which as text is 170 times as long", () => {
  test("is in memory piece by piece, whoever reads it, and comes whole", async () => {
    await start(1_000);
    const breaks = 60_000;
    await server.append([`${"p".repeat(128)}|${"\n".repeat(breaks)}end`, "after"]);
    const before = bufferBytes();
    const clients = await Promise.all(
      Array.from({ length: 30 }, (_, n) => server.open(server.url({ filter: { exclude: `never ${n}` } }))),
    );
    for (let turn = 0; turn < 3000; turn++) await nextTurn();
    expect(bufferBytes() - before).toBeLessThan(30 * 3 * (1 << 20)); // whole it is 10 MB for each
    await clients[0]!.end();
    const [long, after] = clients[0]!.parser.events.map(({ data }) => data.split("\n"));
    expect(long).toHaveLength(breaks + 1);
    expect(long!.at(-1)).toMatch(/]: end$/);
    expect(after!.join()).toMatch(/web\.1]: after$/);
    for (const client of clients) client.leave();
  });
});

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function bufferBytes(): number {
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}
