/** A receiver that refuses a whole request for a blank line in it gets the others, and the ledger says what became of that. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { octetCounted } from "../support/frames.ts";
import { kept } from "../support/kept.ts";
import { openPeer, type Received } from "../support/peer.ts";
import { TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server.destroy());

type Event = { readonly event: string };
const eventsIn = ({ body }: Received): string[] =>
  body
    .toString()
    .trimEnd()
    .split("\n")
    .map((text) => (JSON.parse(text) as Event).event);

test("a Splunk collector, which answers 400 with code 13", async () => {
  const collector = kept(
    await openPeer((request) =>
      eventsIn(request).some((event) => event.trim() === "")
        ? { status: 400, body: '{"text":"Event field cannot be blank","code":13,"invalid-event-number":1}' }
        : 200,
    ),
  );
  const plain = kept(await openPeer());
  const { id, tokens } = await server.createApp("blanks");
  const add = (url: string, format: string) =>
    server.api<{ id: string }>("POST", `/apps/${id}/log-drains`, { url, format });
  const splunk = await add(collector.url, "splunk");
  const ndjson = await add(plain.url, "ndjson");
  const frames = ["a", "", "   ", "\u00a0\n", "b"].map((message) =>
    octetCounted(`<190>1 2024-05-01T10:00:00.123456+00:00 h a web.1 - - ${message}`),
  );
  const answer = await fetch(`${server.url}/logs`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`token:${tokens.app}`).toString("base64")}`,
      "content-type": "application/logplex-1",
    },
    body: Buffer.concat(frames),
  });
  expect(answer.status).toBe(204);
  const ledger = (drain: { id: string }) =>
    server.api<Record<string, unknown>>("GET", `/apps/${id}/log-drains/${drain.id}`);
  await until(async () => (await ledger(splunk)).lag_lines === 0 && (await ledger(ndjson)).lag_lines === 0);
  expect(collector.received.flatMap(eventsIn)).toEqual(["a", "b"]);
  expect(await ledger(splunk)).toMatchObject({
    delivered: 2,
    filtered: 3,
    refused: 0,
    lost: 0,
    last_error: null,
  });
  expect(await ledger(ndjson)).toMatchObject({ delivered: 5, filtered: 0, refused: 0 });
});
