/** Answers that are ready at one moment are made in turns of the event loop, and addresses take turns. */
import fastify from "fastify";
import { expect, test, vi } from "vitest";
import { serializeInTurns } from "../../src/control/serialized-in-turns.ts";
import { turnMsMax } from "../../src/turns.ts";
import { kept } from "../support/kept.ts";

test.each([0.5, 1, 5])("a turn makes the JSON of what fits into it: %d ms each", async (ms) => {
  await new Promise(setImmediate); // no turn of real time goes on
  let nowMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  let turn = 0;
  const count = () => {
    turn++;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  const made: { readonly turn: number; readonly address: string }[] = [];
  const answer = (address: string) => ({
    toJSON() {
      nowMs += ms;
      made.push({ turn, address });
      return { address };
    },
  });
  const server = kept(fastify());
  serializeInTurns(server, ({ headers }) => String(headers["x-address"]));
  let asked = 0;
  let read = () => {};
  const reading = new Promise<void>((resolve) => (read = resolve));
  server.get("/", async ({ headers }) => {
    if (++asked === 31) read(); // all of them wait for it
    await reading;
    return answer(String(headers["x-address"]));
  });
  const ask = (address: string) => server.inject({ url: "/", headers: { "x-address": address } });
  const answers = await Promise.all([...Array.from({ length: 30 }, () => ask("many")), ask("one")]);
  clearImmediate(counting);
  vi.restoreAllMocks();
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(31).fill(200));
  const most = Math.max(...made.map(({ turn }) => made.filter((each) => each.turn === turn).length));
  expect(most).toBeLessThanOrEqual(Math.ceil(turnMsMax / ms) + 1);
  const before = made.findIndex(({ address }) => address === "one");
  expect(before).toBeLessThanOrEqual(Math.ceil(turnMsMax / ms) + 2);
});
