/** The commands of docs/backup.md, run, and what drains and readers see of a copy that was put back. */
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { streamOf } from "../../src/engines/nats/log/shards.ts";
import { bucketStream } from "../../src/engines/nats/store.ts";
import { EventStreamParser } from "../support/event-stream.ts";
import { LedgerReceiver, readMark, sendNumbered } from "../support/ledger.ts";
import { shell } from "../support/sender-world.ts";
import { TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const page = readFileSync(new URL("../../docs/backup.md", import.meta.url), "utf8");

let server: TestServer;
let receiver: LedgerReceiver;
let isReceiving = true;
let scratch: string;

beforeEach(async () => {
  isReceiving = true;
  scratch = await mkdtemp(join(tmpdir(), "tailrace-backup-"));
  server = await TestServer.start();
  receiver = await LedgerReceiver.open(() => (isReceiving ? 200 : 503));
});
afterEach(async () => {
  await server.destroy();
  await receiver.close();
  await rm(scratch, { recursive: true, force: true });
});

/** Follows the page's block: systemd's part is done by the test, the other commands are run as they stand. */
async function follow(name: "backup" | "restore"): Promise<void> {
  const block = new RegExp(`<!-- embedded: ${name} -->\\n\`\`\`sh\\n([\\s\\S]*?)\`\`\``).exec(page)![1]!;
  for (const line of block.trim().split("\n")) {
    if (line === "systemctl stop tailrace") expect(await server.kill("SIGTERM")).toBe(0);
    else if (line === "systemctl start tailrace") await server.start();
    else {
      const command = line.replaceAll("/var/lib/tailrace", server.data);
      expect(await shell(`cd '${scratch}' && ${command}`), line).toMatchObject({ status: 0, stderr: "" });
    }
  }
}

let senders = 0;
/** Sends `count` lines, numbered from 0 under a number of their own, which it hands back. */
async function send(token: string, count: number): Promise<number> {
  const sender = senders++;
  await sendNumbered({ url: () => server.url, token, sender, count, linesEach: 10 });
  return sender;
}

type Read = { readonly marks: string[]; readonly named: string[]; readonly lastEventId: string };

/** What the app's log shows from a position on, until its line of `through` comes. */
async function read(through: string, from?: string): Promise<Read> {
  const body = { lines: 10_000, tail: true };
  const session = await server.api<{ logplex_url: string }>("POST", "/apps/kept/log-sessions", body);
  const stop = new AbortController();
  const headers = { accept: "text/event-stream", ...(from !== undefined && { "last-event-id": from }) };
  const answer = await fetch(session.logplex_url, { headers, signal: stop.signal });
  const parser = new EventStreamParser();
  for await (const text of answer.body!.pipeThrough(new TextDecoderStream())) {
    parser.feed(text);
    if (parser.events.some(({ data }) => markOf(data) === through)) break;
  }
  stop.abort();
  const marks = parser.events.flatMap(({ data }) => markOf(data) ?? []);
  const named = parser.named.map(({ type }) => type);
  return { marks, named, lastEventId: parser.events.at(-1)!.id };
}

function markOf(text: string): string | undefined {
  const mark = readMark(text);
  return mark && `${mark.sender} ${mark.n}`;
}
const marksOf = (sender: number, count: number) => Array.from({ length: count }, (_, n) => `${sender} ${n}`);
const delivered = () =>
  [...receiver.sightings.first].flatMap(([sender, numbers]) => numbers.map((n) => `${sender} ${n}`));

describe("a backup that is put back", () => {
  test("has all lines of its moment; new ones follow, the drain goes on behind its cursor, readers resume or are told", async () => {
    const { tokens } = await server.createApp("kept");
    await server.api("POST", "/apps/kept/log-drains", { url: receiver.url });
    const sent = await send(tokens.app!, 200);
    await until(() => receiver.sightings.distinct === 200);
    isReceiving = false;
    const waiting = await send(tokens.app!, 100);
    const before = await read(`${waiting} 99`);
    await follow("backup");
    const gone = await send(tokens.app!, 50);
    const after = await read(`${gone} 49`, before.lastEventId);
    expect(after).toMatchObject({ marks: marksOf(gone, 50), named: [] }); // the stop itself cost nothing

    await follow("restore");
    expect((await readdir(join(scratch, "before"))).sort()).toContain("journal");
    isReceiving = true;
    const fresh = await send(tokens.app!, 30);

    const kept = [...marksOf(sent, 200), ...marksOf(waiting, 100), ...marksOf(fresh, 30)];
    expect((await read(`${fresh} 29`)).marks).toEqual(kept);
    expect(await read(`${fresh} 29`, before.lastEventId)).toMatchObject({
      marks: marksOf(fresh, 30),
      named: [],
    });
    expect(await read(`${fresh} 29`, after.lastEventId)).toMatchObject({
      marks: kept,
      named: ["log-replaced"],
    });
    await until(() => receiver.sightings.distinct === 330);
    expect(delivered()).toEqual(kept);
    expect(receiver.sightings.repeats).toBe(0);
    type Drain = Record<"delivered" | "refused" | "lost" | "filtered" | "lag_lines", number>;
    const ledger = async () => (await server.api<Drain[]>("GET", "/apps/kept/log-drains"))[0]!;
    await until(async () => (await ledger()).lag_lines === 0);
    expect(await ledger()).toMatchObject({ delivered: 330, refused: 0, lost: 0, filtered: 0 });
  });

  test("of a moment of a running server, as a snapshot is, has every acknowledged line and starts elsewhere", async () => {
    const { tokens } = await server.createApp("kept");
    await server.api("POST", "/apps/kept/log-drains", { url: receiver.url });
    const writing = keepSending(tokens.app!);
    await until(() => writing.acknowledged.length >= 50 && receiver.sightings.distinct >= 100);
    process.kill(server.pid, "SIGSTOP"); // nothing of the folder changes, as in a snapshot
    const atLeast = writing.acknowledged.length;
    const copy = join(scratch, "snapshot");
    const copied = await shell(`cp -a '${server.data}' '${copy}'`);
    process.kill(server.pid, "SIGCONT");
    await writing.end();
    expect(copied).toMatchObject({ status: 0, stderr: "" });

    const marks = (await linesOfCopy(copy))!;
    expect(marks.length).toBeGreaterThanOrEqual(atLeast);
    expect(marks).toEqual(writing.acknowledged.slice(0, marks.length));
  });

  test("made by cp while the server writes is refused in words, or holds the lines up to some moment", async () => {
    const { tokens } = await server.createApp("kept");
    const writing = keepSending(tokens.app!);
    await until(() => writing.acknowledged.length >= 50);
    const copy = join(scratch, "torn");
    await shell(`cp -a '${server.data}' '${copy}'`);
    await writing.end();

    const marks = await linesOfCopy(copy);
    if (marks !== undefined) expect(marks).toEqual(writing.acknowledged.slice(0, marks.length));
  });
});

/** Sends ten lines after the other until it is ended; those that were answered with 204, in their order. */
function keepSending(token: string) {
  const acknowledged: string[] = [];
  let isOver = false;
  const sending = (async () => {
    while (!isOver) acknowledged.push(...marksOf(await send(token, 10), 10));
  })();
  const end = () => {
    isOver = true;
    return sending;
  };
  return { acknowledged, end };
}

/** A server of its own on the copy: its lines, or undefined when it refused to start in words. */
async function linesOfCopy(copy: string): Promise<string[] | undefined> {
  await server.destroy();
  server = await TestServer.start();
  await server.kill("SIGTERM");
  await rm(server.data, { recursive: true });
  await rename(copy, server.data);
  try {
    await server.start();
  } catch (error) {
    expect(String(error)).toContain("DATA_DAMAGED");
    return undefined;
  }
  const { tokens } = await server.api<{ tokens: Record<string, string> }>(
    "GET",
    `/v3/channels/${(await server.api<{ id: string }>("GET", "/apps/kept")).id}`,
  );
  const last = await send(tokens.app!, 1);
  return (await read(`${last} 0`)).marks.slice(0, -1);
}

test("the page names the streams that are on NATS", () => {
  for (const name of [bucketStream("tailrace"), bucketStream("tailrace-log"), streamOf(0), streamOf(15)])
    expect(page).toContain(`\`${name}\``);
});
