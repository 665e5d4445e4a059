/** The reference pages under docs/ that follow from the code: each is one table, written from what it describes. */

import { serveOptions } from "../../src/config.ts";
import * as access from "../../src/errors/access.ts";
import * as addons from "../../src/errors/addons.ts";
import * as api from "../../src/errors/api.ts";
import { AppError } from "../../src/errors/app-error.ts";
import * as drains from "../../src/errors/drains.ts";
import * as engines from "../../src/errors/engines.ts";
import * as http from "../../src/errors/http.ts";
import * as ingest from "../../src/errors/ingest.ts";
import * as nats from "../../src/errors/nats.ts";
import * as platform from "../../src/errors/platform.ts";
import * as start from "../../src/errors/start.ts";
import * as store from "../../src/errors/store.ts";
import * as tails from "../../src/errors/tails.ts";
import * as web from "../../src/errors/web.ts";
import { metricsRegistry } from "../../src/metrics.ts";

/** docs/settings.md: every option of `tailrace serve`. */
export function settingsPage(): string {
  const rows = serveOptions().map((option) => [
    `\`${option.flags}\``,
    option.envVar === undefined ? "" : `\`${option.envVar}\``,
    defaultOf(option.defaultValueDescription ?? option.defaultValue),
    option.description + (option.argChoices === undefined ? "" : ` (${option.argChoices.join(", ")})`),
  ]);
  return page(
    "Settings",
    "Every option of `tailrace serve` is a flag and an environment variable; the flag wins. For an invalid value,\n" +
      "`serve` names the option, the value and the fix, and exits with status 2.",
    table(["Flag", "Variable", "Default", "What"], rows),
  );
}

const defaultOf = (value: unknown): string =>
  value === undefined || value === false ? "none" : `\`${String(value)}\``;

/** Every expected failure, made of any facts. */
export function everyFailure(): readonly AppError[] {
  const areas = [
    store,
    http,
    access,
    api,
    platform,
    addons,
    ingest,
    drains,
    tails,
    web,
    start,
    engines,
    nats,
  ];
  return areas
    .flatMap((area): unknown[] => Object.values(area))
    .filter((make) => typeof make === "function")
    .map((make) => (make as (...all: unknown[]) => unknown)(...Array(8).fill(anything)))
    .filter((made) => made instanceof AppError);
}

/** docs/errors.md: every expected failure, its code, status, message and mend. */
export function errorsPage(): string {
  const failures = everyFailure().map(({ code, status, id, message, mend }) => [
    `\`${code}\``,
    String(status),
    `\`${id}\``,
    message.replaceAll(/undefined|NaN/g, "…"), // a word that is looked up by an argument, a number that is made of one
    mend,
  ]);
  return page(
    "Errors",
    "Every error that tailrace returns. The meaning of a `code` never changes; `id` is the Platform API's word for the kind.\n" +
      "`…` stands for what the request named.\n\nFor 400 and 403 of `/logs` the body is only logplex's own text; what to do is in the header `Tailrace-Error`\n(`curl -i` shows it). Errors at a start are printed by `tailrace serve`, which exits with status 2 if a\nsetting has to be changed, else with 1.",
    table(["Code", "Status", "Id", "Message", "What to do"], unique(failures)),
  );
}

const asText = new Set<string | symbol>([Symbol.toPrimitive, "toString", "toJSON"]);

/** Any argument of an error: whatever is asked of it gives itself again, and as text it is `…`. */
const anything: unknown = new Proxy(() => {}, {
  get: (_target, key) => (asText.has(key) ? () => "…" : anything),
  apply: () => anything,
});

/** docs/metrics.md: every metric that /metrics prints, without the process's own. */
export function metricsPage(): string {
  const rows = metricsRegistry
    .getMetricsAsArray()
    .map(
      (metric) =>
        metric as unknown as { name: string; help: string; labelNames: readonly string[]; type?: string },
    )
    .map(({ name, help, labelNames }) => [
      `\`${name}\``,
      labelNames.map((label) => `\`${label}\``).join(", "),
      help,
    ]);
  return page(
    "Metrics",
    "`GET /metrics` prints these for Prometheus, and prom-client's own figures of the process (`process_…`, `nodejs_…`).\n" +
      "Units are in the names; labels come from closed sets, never from an app, a token or a URL.",
    table(["Metric", "Labels", "What"], rows),
  );
}

const page = (title: string, intro: string, body: string): string =>
  `# ${title}\n\n<!-- From the code: npm test -- test/tidy.test.ts -u writes this page. -->\n\n${intro}\n\n${body}`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

/** By code, one row for each message. */
function unique(rows: readonly (readonly string[])[]): (readonly string[])[] {
  const seen = new Map(rows.map((row) => [row.join("\0"), row]));
  return [...seen.values()].sort((a, b) => (a[0]! < b[0]! ? -1 : a[0]! > b[0]! ? 1 : 0));
}
