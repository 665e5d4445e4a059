import { createSocket, type Socket } from "node:dgram";
import { afterEach, expect, test } from "vitest";
import { udpListener } from "../../../src/ingest/syslog/syslog-udp.ts";
import { until } from "../../support/until.ts";
import { doorOptions } from "../doors.ts";
import { channelOf, tokenOf } from "../registry.ts";

const app = channelOf(1);
let listener: Awaited<ReturnType<typeof udpListener>>;
let socket: Socket;
afterEach(async () => {
  socket.close();
  await listener.close();
});

async function start(bounds: Parameters<typeof doorOptions>[0] = {}, more: { defaultToken?: string } = {}) {
  const door = doorOptions(bounds);
  listener = await udpListener({ ...door.options, udpBytesMax: door.options.udpBytesMax, ...more });
  socket = createSocket("udp4");
  return door;
}

const send = (text: string) =>
  new Promise<void>((resolve, reject) =>
    socket.send(text, listener.address.port, "127.0.0.1", (error) => (error ? reject(error) : resolve())),
  );
const line = (text: string, number = 1) => `<190>1 - box ${tokenOf(number)} web.1 - - ${text}`;

test("a datagram is a frame, also one that ends like a line or holds several", async () => {
  const { log, senders } = await start();
  for (const text of [
    line("a"),
    `${line("b")}\n`,
    `${line("c")}\r\n\0`,
    line("d\ne"),
    "",
    "\n",
    line("f", 2),
  ])
    await send(text);
  await until(() => log.lines().length === 5);
  expect(log.messages(app)).toEqual(["a", "b", "c", "d\ne"]);
  expect(log.messages(channelOf(2))).toEqual(["f"]);
  expect(senders.list()).toMatchObject([{ peer: "127.0.0.1", door: "syslog-udp", framing: "datagram" }]);
});

test("frames that name no token are the default token's, else dropped and told without secrets", async () => {
  const { log, noted } = await start();
  await send(`<13>1 - h app - - - x${tokenOf(1)}`);
  await until(() => noted.length === 1);
  expect(noted).toMatchObject([{ cause: "no_token", sample: expect.not.stringContaining(tokenOf(1)) }]);
  await listener.close();
  socket.close();
  const other = await start({}, { defaultToken: tokenOf(2) });
  await send("<13>Jan  2 03:04:05 h nginx: x");
  await until(() => other.log.lines().length === 1);
  expect(other.log.messages(channelOf(2))).toEqual(["nginx: x"]);
  expect(log.lines()).toEqual([]);
});

test("what waits for the log has a bound; datagrams beyond it are dropped and told, and it goes on", async () => {
  const { log, noted } = await start({ udpBytesMax: 3_000 });
  log.holding = true;
  let sent = 0;
  await until(async () => {
    await send(line(`n ${sent++}`));
    return noted.length > 0;
  });
  expect(noted[0]).toMatchObject({ cause: "udp_full" });
  log.holding = false;
  log.release(100);
  await until(async () => {
    await send(line("after"));
    return log.messages(app).includes("after");
  });
  const taken = log.messages(app).filter((text) => text !== "after");
  expect(taken).toEqual(Array.from({ length: taken.length }, (_, i) => `n ${i}`)); // the newest were dropped
  expect(taken.length).toBeLessThan(sent);
});

test("closing appends what was taken", async () => {
  const { log } = await start();
  log.holding = true;
  await send(line("a"));
  await until(() => log.heldCount === 1);
  const closed = listener.close();
  log.holding = false;
  log.release();
  await closed;
  expect(log.messages(app)).toEqual(["a"]);
});

test("tokens that have to be looked up hold up neither known ones nor those of other addresses, nor fill the memory", async () => {
  const { log, tokens, noted } = await start({ udpBytesMax: 40_000 });
  await send(line("known"));
  await until(() => log.lines().length === 1);
  const asked: (() => void)[] = [];
  const { find } = tokens;
  tokens.find = async (token) => {
    await new Promise<void>((resolve) => asked.push(resolve));
    return find.call(tokens, token);
  };
  for (let number = 100; number < 200; number++) {
    await send(line("unknown", number));
    await send(line(`n ${number}`));
  }
  await until(() => log.lines().length === 101);
  expect(log.messages(app).slice(1)).toEqual(Array.from({ length: 100 }, (_, n) => `n ${n + 100}`));
  expect(asked).toHaveLength(1); // one after the other of an address
  expect(noted.map(({ cause }) => cause)).toContain("udp_full");
  expect(noted.map(({ cause }) => cause)).not.toContain("unknown_token");
  tokens.find = find;
  for (const answer of asked) answer();
  await until(() => noted.some(({ cause }) => cause === "unknown_token"));
  await send(line("f", 2));
  await until(() => log.messages(channelOf(2)).length === 1);
});

test("lines of a token that has to be looked up stay in order, and closing waits for them", async () => {
  const { log, tokens, noted } = await start();
  let answer: (() => void) | undefined;
  const { find } = tokens;
  tokens.find = async (token) => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return find.call(tokens, token);
  };
  for (let n = 0; n < 20; n++) await send(line(`n ${n}`));
  await send("<13>1 - h app - - - of no app");
  await until(() => noted.length === 1);
  const closed = listener.close();
  tokens.find = find;
  answer!();
  await closed;
  expect(log.messages(app)).toEqual(Array.from({ length: 20 }, (_, n) => `n ${n}`));
});
