/** The drains of docs/destinations.md against examples of what their receivers read and answer (test/fixtures/destinations). */
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { parseDestination } from "../../../src/drains/destination.ts";
import { checkDrainOptions, type DrainOptions } from "../../../src/registry/drain-options.ts";
import { blockOf } from "../../support/manual-blocks.ts";
import { type Answer, openPeer, type Peer } from "../../support/peer.ts";
import { readText } from "../../support/sources.ts";
import { never, parcelOfSlices, sinkOf, sinkOptions, sliceWithData } from "./parts.ts";

type Preset = DrainOptions & { readonly url: string };

const page = "docs/destinations.md";
const names = ["loki", "datadog", "betterstack", "newrelic", "splunk", "opentelemetry", "syslog", "vector"];
const presets = new Map(names.map((name): [string, Preset] => [name, JSON.parse(blockOf(page, name).body)]));

/** What a fixture says: the request that the receiver documents, and its answers with the verdict that is due. */
function readFixture(name: string) {
  const text = readText(`test/fixtures/destinations/${name}.http`).replace(/^#.*\n/gm, "");
  const [head, body, answers] = text.split("\n\n") as [string, string, string];
  const [requestLine, ...headers] = head.split("\n");
  return {
    path: requestLine!.split(" ")[1]!,
    headers: Object.fromEntries(headers.map((line) => line.split(": ") as [string, string])),
    body,
    answers: answers
      .trimEnd()
      .split("\n")
      .map((line) => /^(\d+) (\w+) ?(.*)$/.exec(line)!)
      .map(([, status, verdict, said]) => ({ status: Number(status), verdict: verdict!, said: said! })),
  };
}

const lines = sliceWithData(
  "<190>1 2024-05-01T10:00:00.123456+00:00 host app web.1 - - user 17 signed in\n",
  "<155>1 2024-05-01T10:00:00.130000+00:00 host heroku router - - at=error code=H12",
);

const peers: Peer[] = [];
afterEach(() => Promise.all(peers.splice(0).map((peer) => peer.close())));
async function send({ url, ...preset }: Preset, answer: Answer = 200) {
  const peer = await openPeer(() => answer);
  peers.push(peer);
  const { pathname, search } = new URL(url);
  const sink = sinkOf(new URL(pathname + search, peer.url).href, preset as object, {
    appName: async () => "shop",
  });
  const verdict = await sink.deliver(parcelOfSlices(lines), never);
  await sink.close();
  return { verdict, request: peer.received[0]! };
}

/** JSON, or JSON objects one a line. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  }
};

test.each([...presets])("%s: what the page says can be added", (_name, { url, ...options }) => {
  const { format, compression } = options;
  parseDestination(url, { format, compression, allow: sinkOptions.policy });
  checkDrainOptions(url, options);
});

describe.each(["loki", "datadog", "betterstack", "newrelic", "splunk"])("%s", (name) => {
  const preset = presets.get(name)!;
  const fixture = readFixture(name);

  test("gets what it documents", async () => {
    const { request } = await send(preset);
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(request.body) : request.body;
    expect(request.path).toBe(fixture.path);
    expect(request.headers).toMatchObject(fixture.headers);
    expect(parsed(body.toString())).toEqual(parsed(fixture.body));
  });

  test.each(fixture.answers)("$status is $verdict", async ({ status, verdict, said }) => {
    const found = await send(preset, { status, body: said });
    expect(found.verdict.kind).toBe(verdict);
    if (verdict !== "delivered") {
      expect("reason" in found.verdict && found.verdict.reason).toContain(`answered ${status}`);
      expect("reason" in found.verdict && found.verdict.reason).toContain(said);
    }
  });
});

test("Vector's source is set to read what its preset sends: an object of JSON in each line", async () => {
  const source = blockOf(page, "vector-toml").body;
  expect(source).toContain('decoding.codec = "json"');
  expect(source).toContain('framing.method = "newline_delimited"');
  const { request } = await send({ ...presets.get("vector")!, url: "http://127.0.0.1/" });
  const objects = request.body.toString().trimEnd().split("\n");
  expect(objects.map((line) => JSON.parse(line).message)).toEqual(["user 17 signed in", "at=error code=H12"]);
});
