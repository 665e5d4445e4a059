/** Connections that were accepted are taken up in turns, and of TLS when they have said something. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { NewConnections } from "../../src/sockets/new-connections.ts";
import { Turns, turnMsMax } from "../../src/turns.ts";
import { kept } from "../support/kept.ts";

/** New connections whose turns end when `next` is called. */
function held() {
  let nowMs = 0;
  let end = () => {};
  const defer = (run: () => void) => {
    end = run;
  };
  const turns = new Turns({ nowMs: () => nowMs, defer });
  return {
    connections: new NewConnections(turns),
    pass: () => {
      nowMs += turnMsMax;
    },
    async next() {
      end();
      await new Promise(setImmediate);
    },
  };
}

test("what does not fit into a turn waits for the next ones, in which addresses take turns", async () => {
  const { connections, pass, next } = held();
  const taken: string[] = [];
  const drop = () => expect.unreachable("there is room");
  for (const name of ["2a", "2b", "2c", "2d", "1a"])
    connections.add(`127.0.0.${name[0]}`, {
      take: () => {
        taken.push(name);
        pass();
      },
      drop,
    });
  for (let turn = 0; turn < 5; turn++) await next();
  expect(taken).toEqual(["2a", "1a", "2b", "2c", "2d"]);
});

test("work that a connection leaves to a tick counts, as reading a hello does", async () => {
  const { connections, pass, next } = held();
  const worked: string[] = [];
  for (const name of ["a", "b", "c", "d"]) {
    connections.add("127.0.0.1", {
      take: () => {
        process.nextTick(() => {
          worked.push(name);
          pass();
        });
      },
      drop: () => {},
    });
  }
  for (const expected of ["a", "ab", "abc", "abcd"]) {
    await next();
    expect(worked.join("")).toBe(expected);
  }
});

test.each([1_000, 10])(
  "%i wait: beyond, the first of the address that has the most is closed",
  async (waitingMax) => {
    const { connections, pass, next } = held();
    connections.waitingMax = waitingMax;
    const [taken, dropped]: [number[], number[]] = [[], []];
    let number = 0;
    const add = (address: string) => {
      const own = number++;
      const take = () => {
        taken.push(own);
        pass();
      };
      connections.add(address, { take, drop: () => void dropped.push(own) });
      return own;
    };
    const many = Array.from({ length: waitingMax }, () => add("127.0.0.2"));
    expect(dropped).toEqual([]);
    const one = add("127.0.0.1");
    expect(dropped).toEqual([many[0]]);
    for (let turn = 0; turn < 2; turn++) await next();
    expect(taken).toEqual([many[1], one]);
  },
);

test("connections of a listener that was closed meanwhile are closed, too", async () => {
  const { connections, pass, next } = held();
  const server = createServer(() => expect.unreachable("it was closed"));
  connections.attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  connections.add("127.0.0.1", { take: pass, drop: () => {} });
  await next(); // this turn has no time left
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1").on("error", () => {});
  await once(client, "connect");
  while (connections.waiting === 0) await new Promise(setImmediate);
  server.close();
  await next();
  await once(client.resume(), "close");
  expect(connections.waiting).toBe(0);
});

test("the address of a client that left before its turn is known", async () => {
  const { connections, pass, next } = held();
  const accepted: Socket[] = [];
  const server = createServer((socket) => void accepted.push(socket.on("error", () => {})));
  connections.attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  connections.add("127.0.0.1", { take: pass, drop: () => {} });
  await next(); // this turn has no time left
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(client, "connect");
  const port = client.localPort;
  while (connections.waiting === 0) await new Promise(setImmediate);
  await once(client.resetAndDestroy(), "close");
  await next();
  expect(accepted.map(({ remoteAddress, remotePort }) => [remoteAddress, remotePort])).toEqual([
    ["127.0.0.1", port],
  ]);
  await new Promise((done) => server.close(done));
});

async function listening(begin: (connections: NewConnections, socket: Socket) => void) {
  const connections = new NewConnections();
  const server = createServer((socket) => begin(connections, socket));
  connections.attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  kept({ close: async () => void server.close() });
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1").on("error", () => {});
  kept({ close: async () => void client.destroy() });
  return client;
}

test("a handshake begins when its first bytes are here, which it gets", async () => {
  const begun = new Promise<Socket>((resolve) => {
    const late = () => expect.unreachable("it has spoken");
    void listening((connections, socket) =>
      connections.addHello(socket, { msMax: 60_000, begin: () => resolve(socket), late }),
    ).then((client) => client.write("hello".repeat(2_000)));
  });
  const socket = await begun;
  expect(socket.readableLength).toBe(4_096); // the rest stays in the system
  expect(socket.read().toString("latin1")).toMatch(/^hellohello/);
  socket.destroy();
});

const begin = () => expect.unreachable("it has said nothing");

test("who says nothing is late", async () => {
  const client = await listening((connections, socket) =>
    connections.addHello(socket, { msMax: 1, begin, late: () => socket.destroy() }),
  );
  await once(client.resume(), "close");
});

test("who leaves without a word is none of anybody's errors", async () => {
  const left = new Promise<void>((resolve) => {
    void listening((connections, socket) => {
      connections.addHello(socket, { msMax: 60_000, begin, late: begin });
      socket.once("close", resolve);
    }).then((client) => client.once("connect", () => client.resetAndDestroy()));
  });
  await left;
});
