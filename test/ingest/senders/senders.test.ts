import { expect, test } from "vitest";
import { Senders } from "../../../src/ingest/senders/senders.ts";

let nowMs = 1_000;
const clock = { nowMs: () => nowMs };

test("senders are told apart by door and address, the newest first, with their newest fault", () => {
  const senders = new Senders({ clock, sendersMax: 10 });
  senders.heard("10.0.0.1", "syslog").frames += 3;
  nowMs = 2_000;
  Object.assign(senders.heard("10.0.0.1", "relp"), { framing: "relp" });
  senders.failed("10.0.0.1", "no_token", "<13>1 …");
  senders.failed("10.0.0.1", "unknown_token", undefined);
  expect(senders.list()).toMatchObject([
    { peer: "10.0.0.1", door: "relp", framing: "relp", seenAtMs: 2_000, fault: { cause: "unknown_token" } },
    {
      peer: "10.0.0.1",
      door: "syslog",
      frames: 3,
      seenAtMs: 1_000,
      fault: { cause: "unknown_token", atMs: 2_000 },
    },
  ]);
});

test("a peer that only ever failed is there, too", () => {
  const senders = new Senders({ clock, sendersMax: 10 });
  senders.failed("10.0.0.2", "tls", "\\x16\\x03");
  expect(senders.list()).toMatchObject([
    { peer: "10.0.0.2", fault: { cause: "tls", firstBytes: "\\x16\\x03" } },
  ]);
});

test("at the bound the one that was not heard for longest is forgotten", () => {
  const senders = new Senders({ clock, sendersMax: 2 });
  for (const last of [1, 2, 1, 3]) senders.heard(`10.0.0.${last}`, "syslog");
  for (let last = 1; last <= 9; last++) senders.failed(`10.0.1.${last}`, "tls", undefined);
  expect(
    senders
      .list()
      .map(({ peer }) => peer)
      .filter((peer) => peer.startsWith("10.0.0.")),
  ).toEqual(expect.arrayContaining(["10.0.0.1", "10.0.0.3"]));
  expect(senders.list().length).toBeLessThanOrEqual(4);
});
