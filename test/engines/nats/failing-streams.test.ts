/** Which streams are said to take no lines, and for how long. */
import { expect, test } from "vitest";
import { BackgroundFailures } from "../../../src/background-failures.ts";
import { FailingStreams } from "../../../src/engines/nats/log/failing-streams.ts";
import { storeUnavailable } from "../../../src/errors/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";

function open() {
  const clock = new FakeClock();
  const failures = new BackgroundFailures({ logger: undefined, nowMs: () => clock.monotonicMs() });
  const failing = new FailingStreams({ clock, failures });
  failing.failed("LOG-1", storeUnavailable(new Error("no space")));
  failing.failed("LOG-2", new Error("no answer"));
  const names = () => failing.told().map((text) => text.slice(0, text.indexOf(" takes")));
  return { clock, failing, names };
}

test("each with its reason and the remedy", () => {
  const [one, two] = open().failing.told();
  expect(one).toBe(
    "LOG-1 takes no lines (no space); the log of nats-server says why: after a full disk, make room there and restart nats-server",
  );
  expect(two).toContain("LOG-2 takes no lines (no answer)");
});

test("not one that has stored something since", () => {
  const { failing, names } = open();
  failing.stored("LOG-1");
  failing.stored("LOG-3");
  expect(names()).toEqual(["LOG-2"]);
});

test("not one that nobody has tried for 15 s, as nobody sends to a node that is not ready", async () => {
  const { clock, failing, names } = open();
  await clock.advance(10_000);
  failing.failed("LOG-2", new Error("no answer"));
  await clock.advance(10_000);
  expect(names()).toEqual(["LOG-2"]);
  await clock.advance(10_000);
  expect(names()).toEqual([]);
});

test("none over a new connection", () => {
  const { failing, names } = open();
  failing.reconnected();
  expect(names()).toEqual([]);
});
