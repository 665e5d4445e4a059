import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { listenFurther, shared } from "../../src/sockets/further-listeners.ts";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const canShare = process.platform === "linux" && (major > 22 || (major === 22 && minor >= 12));
const clients: Socket[] = [];
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const end of ends.splice(0)) await end();
});

async function open(accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  server.listen(await shared({ host: "127.0.0.1", port: 0 }));
  await once(server, "listening");
  const further = await listenFurther(server);
  ends.push(() => Promise.all([new Promise((done) => server.close(done)), further.close()]));
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

function dial(port: number): Socket {
  const client = connect({ host: "127.0.0.1", port });
  clients.push(client);
  return client.on("error", () => {});
}

test.runIf(canShare)(
  "connections that came together are taken many in a turn of the event loop",
  async () => {
    const taken: number[] = [];
    let turn = 0;
    let count = 0;
    let done!: () => void;
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    const server = await open((socket) => {
      socket
        .on("error", () => {})
        .resume()
        .end();
      taken[turn] = (taken[turn] ?? 0) + 1;
      if (++count === 64) done();
    });
    const next = () => {
      turn++;
      counting = setImmediate(next);
    };
    let counting = setImmediate(next);
    for (let number = 0; number < 64; number++) dial(portOf(server)); // the system has them all before the next turn
    await all;
    clearImmediate(counting);
    const most = Math.max(...taken.filter((each) => each !== undefined));
    expect(most).toBeGreaterThan(4);
  },
);

test("a connection is as the server's own, whichever listener took it", async () => {
  const server = await open((socket) => socket.on("end", () => socket.end("half closed")).resume());
  const said = Array.from({ length: 40 }, async () => {
    const client = dial(portOf(server)).end();
    const [bytes] = await once(client, "data");
    return String(bytes);
  });
  expect(new Set(await Promise.all(said))).toEqual(new Set(["half closed"]));
});

test("nobody is taken after the close, which waits for those who are there", async () => {
  const here: Socket[] = [];
  const server = await open((socket) => here.push(socket.on("error", () => {})));
  const port = portOf(server);
  const dialed = Array.from({ length: 40 }, () => once(dial(port), "connect"));
  await Promise.all(dialed);
  while (here.length < 40) await new Promise(setImmediate);
  let isClosed = false;
  const closed = Promise.all(ends.splice(0).map((end) => end())).then(() => {
    isClosed = true;
  });
  const late = dial(port);
  const [error] = await once(late, "error");
  expect(error).toMatchObject({ code: "ECONNREFUSED" });
  for (const socket of here.slice(1)) socket.destroy();
  await Promise.all(here.slice(1).map((socket) => socket.closed || once(socket, "close")));
  expect(isClosed).toBe(false);
  here[0]!.destroy();
  await closed;
});

test("an address that another program listens at is refused, also where that one shares it", async () => {
  const server = await open(() => {});
  await expect(shared({ host: "127.0.0.1", port: portOf(server) })).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});
