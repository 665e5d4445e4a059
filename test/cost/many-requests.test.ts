/**
 * What a turn of the event loop does for hundreds of requests of `POST /logs` whose clients wait for `100 Continue`, and whose
 * lines are stored by one commit, counted: looks at the time are the only time that passes.
 */
import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { HttpDoor } from "../attacks/http-door.ts";
import { kept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";

const clients = 300;
/** As long as each look at the time takes, and what is done before the next one. */
const lookMs = 0.1;

afterEach(() => vi.restoreAllMocks());

test("three hundred requests that are stored together are answered in turns, and each of them is", async () => {
  const due: ServerResponse[] = [];
  const door = kept(await HttpDoor.open((_, response) => void due.push(response)));
  const opened = await Promise.all(Array.from({ length: clients }, () => RawClient.open(door.port)));
  for (const client of opened)
    client.send("POST /logs HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
  await door.reached(() => due.length === clients);
  let nowMs = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => (nowMs += lookMs));
  let turn = 0;
  const sentIn: number[] = [];
  for (const response of due) {
    response.statusCode = 204;
    response.on("prefinish", () => void (sentIn[turn] = (sentIn[turn] ?? 0) + 1));
  }
  // The promises of all appends of a commit resolve together.
  for (const response of due) void Promise.resolve().then(() => response.end());
  for (let sent = 0; sent < clients; turn++) {
    await nextTurn();
    sent = sentIn.reduce((sum, count) => sum + (count ?? 0), 0);
  }
  expect(Math.max(...Array.from(sentIn, (count) => count ?? 0))).toBeLessThanOrEqual(20); // 19, where it was all of them
  for (const client of opened) await client.until((got) => got.includes("HTTP/1.1 204 No Content"));
});
