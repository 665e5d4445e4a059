/** Questions between nodes, on a server in memory where the test holds the time. */
import { expect, test } from "vitest";
import { NatsOtherNodes } from "../../../src/engines/nats/other-nodes.ts";
import { otherNodesLimits } from "../../../src/other-nodes.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { NatsModel } from "../../support/nats-model/server.ts";

const clock = new FakeClock();
const model = new NatsModel(clock);
const node = (limits: Partial<typeof otherNodesLimits> = {}) => {
  const wire = model.connect();
  return { wire, nodes: new NatsOtherNodes(wire, clock, { ...otherNodesLimits, ...limits }) };
};
async function asked({ nodes }: ReturnType<typeof node>, question: string) {
  const answer = nodes.ask(question);
  await clock.advance(otherNodesLimits.answerMsMax);
  return answer;
}

test("all others answer, and the one who asks does not", async () => {
  const [a, b, c] = [node(), node(), node()];
  const ends = [a, b, c].map(({ nodes }, at) => nodes.answer("who", () => [`node ${at}`]));
  expect((await asked(a, "who")).flat().sort()).toEqual(["node 1", "node 2"]);
  expect(await asked(a, "something else")).toEqual([]);
  ends[1]!();
  expect(await asked(a, "who")).toEqual([["node 2"]]);
  await c.wire.close(); // it cannot be asked any more, and has nobody to ask
  expect(await asked(a, "who")).toEqual([]);
  expect(await asked(c, "who")).toEqual([]);
  ends[0]!();
});

test("a list that is too long for a message is cut at its end", async () => {
  const [a, b] = [node(), node()];
  const long = Array.from({ length: 64 }, (_, n) => `${n} ${"x".repeat(50_000)}`);
  const end = b.nodes.answer("long", () => long);
  const [list] = await asked(a, "long");
  expect(list!.length).toBeGreaterThan(8);
  expect(list).toEqual(long.slice(0, list!.length));
  end();
});

test("no more than so many answers are taken, and what is no list is passed over", async () => {
  const a = node({ answersMax: 2 } as never);
  const others = [node(), node(), node()];
  const ends = others.map(({ nodes }, at) => nodes.answer("many", () => [at]));
  const stranger = model.connect();
  const silence = stranger.subscribe("nodes.many", ({ reply }) => stranger.publish(reply!, "no JSON"));
  expect(await asked(a, "many")).toHaveLength(2);
  for (const end of [...ends, silence]) end();
});
