/**
 * Whatever a server puts into a name, a reason or a place: no row of what a command prints begins with it. Tried through
 * a pipe, which gets fewer characters written out than a terminal.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askingCommands } from "../support/asking-commands.ts";
import { sourcesIn } from "../support/sources.ts";
import { openStandIn, type StandIn } from "../support/stand-in.ts";

/** What some program or other takes for the end of a line. */
const ends = ["\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029"];
const bad = `x${ends.map((end) => `${end}FORGED`).join("")}`;
const forged = /(?:^|[\n\r\v\f\u0085\u2028\u2029])FORGED/;

const named = { id: bad, name: bad };
const drain = {
  ...{ id: bad, token: bad, url: bad, state: "retrying", created_at: bad, addon: named, format: bad },
  ...{ headers: { [bad]: bad }, filter: { source: [bad], match: bad }, redact: { patterns: [bad] } },
  ...{ last_error: { at: bad, message: bad }, delivered_at: bad, well_since: bad, next_attempt_at: bad },
  ...{ lag_lines: 1, refused: 1, lost: 1, replay: { since: bad, state: bad, lines: 1, left: 1, sent: 0 } },
};
const failedTest = { at: bad, kind: "refused", reason: bad, expiring: bad };
const key = { id: bad, description: bad, created_at: bad, apps: [named], access_token: { token: bad } };
const dyno = { name: bad, type: bad, state: bad, updated_at: bad, size: bad, command: bad, quantity: 1 };
const fault = { cause: bad, message: bad, mend: bad, at: bad, first_bytes: bad };
const sender = { peer: bad, door: bad, framing: bad, node: bad, frames: 1, seen_at: bad, last_error: fault };
const addon = {
  ...{ ...named, state: "provisioning", app: named, plan: named, config_vars: [bad], created_at: bad },
  ...{ provision_message: bad, web_url: bad, addon_service: named },
};

/** The answers of a server that has nothing else in mind, by the end of the path. */
const answers: readonly (readonly [path: RegExp, answer: unknown])[] = [
  [/\/actions\/test$/, { ...failedTest, steps: [{ name: bad, ms: 1, detail: bad, failed: false }] }],
  [/\/log-drains$/, [drain, { ...drain, last_test: failedTest, state: "idle" }]],
  [/\/log-drains\//, drain],
  [/\/telemetry-drains/, []],
  [/\/tokens$/, [{ name: bad, token: bad, url: bad }]],
  [/\/oauth\/authorizations$/, [key]],
  [/\/oauth\/authorizations\//, key],
  [/\/senders$/, [sender, { ...sender, node: "other" }]],
  [/\/config-vars$/, { [bad]: bad, A: bad }],
  [/\/formation$/, [dyno]],
  [/\/dynos/, [{ ...dyno, release: { version: 1 } }]],
  [/\/releases$/, [{ version: 1 }]],
  [/\/runner$/, [{ id: bad, host: bad, pid: 1 }]],
  [/\/addon-services/, [{ ...named, human_name: bad }]],
  [/\/(addons|actions\/addons\/resolve)$/, [addon]],
  [/\/addons\//, addon],
  [/\/apps$/, [named]],
  [/\/apps\//, named],
];

const place = { position: bad, time: bad, source: bad, dyno: bad, severity: "err" };
/** In a message the ends that are none in a log are text, also through a pipe. */
const text = bad.replace(/[\u0085\u2028\u2029]/g, "");
const fields = JSON.stringify({ user: text, [text]: 1 });
/** The events of a stream: as JSON also one with a break between its values. */
const eventsOf = (isJson: boolean): readonly string[] => {
  const lines = [
    { ...place, message: "m" },
    { ...place, message: fields },
  ].map((line) => JSON.stringify(line));
  const shown = isJson ? [...lines, '{"position":"1.1",\nFORGED}'] : ["1970-01-01T00:00:00Z app[web.1]: m"];
  return shown.map(
    (data) =>
      `id: x\vFORGED\u2028FORGED\n${data
        .split("\n")
        .map((part) => `data: ${part}`)
        .join("\n")}\n\n`,
  );
};
const searched = `event: searched\ndata: ${JSON.stringify({ lines: bad, matches: 0, since: bad, end: "time" })}\n\n`;

let status = 200;
let server: StandIn;
function respond(request: IncomingMessage, response: ServerResponse, body: string): void {
  const path = request.url!.replace(/\?.*$/s, "");
  if (path.startsWith("/sessions/")) {
    response
      .writeHead(200, { "content-type": "text/event-stream" })
      .end(`${eventsOf(path.endsWith("json")).join("")}${searched}`);
    return;
  }
  const found = answers.find(([form]) => form.test(path))?.[1];
  const isOne = request.method === "POST" || request.method === "DELETE" || request.method === "PATCH";
  const isMade = isOne && Array.isArray(found) && !/\/(formation|resolve|config-vars)$/.test(path);
  const session = path.endsWith("/log-sessions") && {
    logplex_url: `${server.variables.TAILRACE_URL}/sessions/${JSON.parse(body).format}`,
  };
  const answer =
    status === 200 ? session || (isMade ? found[0] : found) : { message: bad, error: bad, code: bad };
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
}
beforeAll(async () => {
  server = await openStandIn(respond);
});
afterAll(() => server.close());

/** All that a command prints, and what `main.ts` prints of its failure. */
async function printedBy(words: readonly string[]): Promise<string> {
  const { printed, failure } = await server.run(words);
  process.exitCode = undefined;
  return printed + (failure?.text ?? "");
}

const asking = [...Object.values(askingCommands).flat(), "drains:info d.1 -a shop"];
/** What these print names only what the caller named. */
const quiet =
  /^(?:restart|stop|(?:drains:(?:pause|resume|replay|update)|tokens:revoke|keys:revoke|config:(?:set|unset)) |drains:info d\.1$|apps:destroy shop$)/;
/** A value for a program, as it is. */
const asItIs = ["config:get A -a shop"];

test.each(asking.filter((line) => !asItIs.includes(line)))("%s", async (line) => {
  status = 200;
  const text = await printedBy(line.split(" "));
  expect(text).not.toMatch(forged);
  expect(text).not.toContain("a bug of tailrace");
  if (!quiet.test(line)) expect(text).toContain("FORGED");
});

test("an error of any command", async () => {
  for (status of [422, 500])
    for (const line of asking) {
      const text = await printedBy(line.split(" "));
      expect({ line, text }).toEqual({ line, text: expect.not.stringMatching(forged) });
      expect(text).toMatch(/FORGED|^tailrace: .* (?:--confirm|confirm)/);
    }
});

test.each([
  "--long -C 1 --match x",
  "--long -C 1 --match x --positions",
  "--json",
  "--time utc",
  "--time utc --positions --pretty",
  "--time local --fields user --prefix",
  "--template {app}·{time}·{source}·{dyno}·{position}·{severity}",
  "--template {time}·{message}",
  "--template ·{fields.user}",
  "-a x* -a shop --long",
  "-a x* -a shop --json",
  "-a x* -a shop --time utc",
])("logs %s", async (options) => {
  status = 200;
  const app = options.startsWith("-a") ? [] : ["-a", "shop"];
  const text = await printedBy(["logs", ...app, ...options.split(" ")]);
  expect(text).not.toMatch(options.endsWith("--json") ? /(?:^|[\n\r])FORGED/ : forged);
  expect(text).not.toContain("a bug of tailrace");
  expect(text).toContain("FORGED");
});

test("a text whose lines are made already is written by these alone", () => {
  const writers = sourcesIn("cli").filter(({ text }) => /output\.write\(/.test(text));
  expect(writers.map(({ path }) => path)).toEqual([
    "cli/commands/completion.ts", // scripts of ours
    "cli/commands/config.ts", // the value of a config var, for a program
    "cli/logs/log-view.ts", // lines, by their forms
  ]);
});
