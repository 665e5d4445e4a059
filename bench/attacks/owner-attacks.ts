/** Attacks by who has a key: lists that nobody reads, loops of drains, names without an answer, all tokens at once. */
import { createServer, request as forward, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import {
  type Attack,
  again,
  ask,
  attackerAddress,
  call,
  called,
  fates,
  frame,
  frames,
  open,
  post,
  Raw,
  Tally,
  type Target,
} from "./attack.ts";

const appsMade = 200;
const deafApps = 100;

/** Makes so many apps, 20 at a time. */
async function makeApps(target: Target, count = appsMade): Promise<readonly string[]> {
  const names = Array.from({ length: count }, (_, n) => `listed-${n}-${"x".repeat(40)}`);
  for (let made = 0; made < count; made += 20)
    await Promise.all(names.slice(made, made + 20).map((name) => call(target, "POST", "/apps", { name })));
  return names;
}

/** Apps with a drain each to a receiver that accepts connections and reads nothing; their tokens. */
async function deafDrains(target: Target, signal: AbortSignal): Promise<readonly string[]> {
  const deaf = createTcpServer((socket) => socket.on("error", () => {}).pause()).listen(0, "127.0.0.1");
  signal.addEventListener("abort", () => deaf.close());
  const tokens: string[] = [];
  for (const app of await makeApps(target, deafApps)) {
    const url = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}/${app}`;
    await call(target, "POST", `/apps/${app}/log-drains`, { url });
    const { text } = await call(target, "POST", `/v3/channels/${app}/tokens`, { name: "web" });
    tokens.push((JSON.parse(text) as { token: string }).token);
  }
  return tokens;
}

/** Forwards everything that it receives, like a receiver that is itself a platform's log router. */
function relay(target: Target, tally: Tally) {
  return createServer((request: IncomingMessage, response) => {
    const { host: _, ...headers } = request.headers;
    const to = { host: "127.0.0.1", port: target.port, path: "/logs", method: "POST" };
    const authorization = `Basic ${Buffer.from(`token:${target.token}`).toString("base64")}`;
    const on = forward(
      { ...to, localAddress: attackerAddress, headers: { ...headers, authorization } },
      (answer) => {
        tally.add(`sent on: ${answer.statusCode}`);
        answer.resume();
        response.end();
      },
    );
    request.pipe(on.on("error", () => response.end()));
  });
}

export const ownerAttacks: Readonly<Record<string, Attack>> = {
  "100 apps whose drains' receivers read nothing, and a body of 8 MB for each": {
    async run(target, signal) {
      const tally = new Tally();
      const body = gzipSync(frames(800, "x".repeat(9_900)));
      for (const token of await deafDrains(target, signal)) {
        if (signal.aborted) break;
        const { status } = await post({ ...target, token }, body, { "content-encoding": "gzip" });
        tally.add(String(status));
      }
      await called(signal);
      return tally.answers;
    },
  },
  "300 GET /apps of 200 apps at once, unread, again and again": {
    prepare: async (target) => void (await makeApps(target)),
    async run(target, signal) {
      const asked = `GET /apps HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.key}\r\n\r\n`;
      const raws = await open(300, signal, () => {
        const raw = new Raw(target.port, { reads: false });
        raw.socket.write(asked.repeat(8));
        return raw;
      });
      await called(signal);
      return fates(raws);
    },
  },
  "GET /apps with unknown keys, 50 at a time": {
    async run(target, signal) {
      const tally = new Tally();
      let number = 0;
      await again(50, signal, async () => {
        const headers = { authorization: `Bearer unknown-${number++}` };
        tally.add(String((await ask(target, "GET", "/apps", { headers })).status));
      });
      return tally.answers;
    },
  },
  "300 tokens of an app asked for at once": {
    async run(target, signal) {
      const tally = new Tally();
      let number = 0;
      await again(300, signal, async () => {
        const body = { name: `source-${number++}` };
        const { status } = await call(target, "POST", `/v3/channels/${target.app}/tokens`, body);
        tally.add(String(status));
      });
      return tally.answers;
    },
  },
  "drains to our own address, and to a receiver that sends all of it back": {
    async run(target, signal) {
      const tally = new Tally();
      const back = relay(target, tally);
      await new Promise<void>((resolve) => back.listen(0, "127.0.0.1", resolve));
      const drain = async (url: string) => {
        const { status, text } = await call(target, "POST", `/apps/${target.app}/log-drains`, { url });
        tally.add(status === 201 ? "drain 201" : `drain ${status} ${text}`);
      };
      await drain(`http://token:${target.token}@127.0.0.1:${target.port}/logs`);
      await drain(`http://127.0.0.1:${(back.address() as AddressInfo).port}/`);
      await again(1, signal, async () => {
        tally.add(`post ${(await post(target, frame("round and round"))).status}`);
        await delay(20);
      });
      back.close().closeAllConnections();
      return tally.answers;
    },
  },
  "6 drains whose names have no answer, tested and removed without end": {
    async run(target, signal) {
      const tally = new Tally();
      let number = 0;
      await again(6, signal, async () => {
        const url = `https://name-${number++}.nowhere.invalid/`;
        const made = await call(target, "POST", `/apps/${target.app}/log-drains`, { url });
        if (made.status !== 201) return tally.add(`drain ${made.status}`);
        const { id } = JSON.parse(made.text) as { id: string };
        const path = `/apps/${target.app}/log-drains/${id}`;
        await post(target, frame("hello"));
        tally.add(`test ${(await call(target, "POST", `${path}/actions/test`)).status}`);
        await call(target, "DELETE", path);
      });
      return tally.answers;
    },
  },
};
