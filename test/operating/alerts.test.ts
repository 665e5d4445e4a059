/** The alerts and the dashboard that an operator loads: every metric in them exists, every alert fires when it should. */
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { collectDefaultMetrics, Registry } from "prom-client";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { metricsRegistry } from "../../src/metrics.ts";
import { blockOf } from "../support/manual-blocks.ts";

const docs = new URL("../../docs/", import.meta.url).pathname;
const promtool = process.env.PROMTOOL || (existsSync("/usr/bin/promtool") ? "/usr/bin/promtool" : "promtool");
const run = promisify(execFile);

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
};
const rules: readonly Rule[] = parse(readFileSync(`${docs}prometheus/alerts.yml`, "utf8")).groups[0].rules;
type Panel = { readonly title: string; readonly targets: readonly { readonly expr: string }[] };
const { panels } = JSON.parse(readFileSync(`${docs}grafana/tailrace.json`, "utf8")) as {
  readonly panels: readonly Panel[];
};
const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** Metrics that `/metrics` has, with the series of histograms; `up` and `ALERTS` are Prometheus's own. */
async function known(): Promise<Set<string>> {
  const own = new Registry();
  collectDefaultMetrics({ register: own });
  const names = [...(await metricsRegistry.getMetricsAsJSON()), ...(await own.getMetricsAsJSON())].flatMap(
    ({ name, type }) =>
      String(type) === "histogram" ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
  );
  return new Set([...names, "up", "ALERTS"]);
}

const metricsOf = (expr: string): string[] =>
  [...expr.matchAll(/\b(?:tailrace|process|nodejs)_[a-z0-9_]+\b/g)].map(([name]) => name);

test("Prometheus takes the alerts, each fires in its test, and none for a node that is well", async () => {
  await run(promtool, ["check", "rules", `${docs}prometheus/alerts.yml`]);
  const { stdout } = await run(promtool, ["test", "rules", `${docs}prometheus/alerts.test.yml`]);
  expect(stdout).toContain("SUCCESS");
  const { tests } = parse(readFileSync(`${docs}prometheus/alerts.test.yml`, "utf8"));
  const fired = tests
    .flatMap(
      ({ alert_rule_test }: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }) =>
        alert_rule_test,
    )
    .filter(({ exp_alerts }: { exp_alerts: unknown[] }) => exp_alerts.length > 0)
    .map(({ alertname }: { alertname: string }) => alertname);
  expect(fired).toEqual(rules.map(({ alert }) => alert));
});

test("Prometheus takes the page's configuration, with the alerts beside it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tailrace-scrape-"));
  try {
    writeFileSync(join(folder, "prometheus.yml"), blockOf("docs/alerts.md", "scrape").body);
    copyFileSync(`${docs}prometheus/alerts.yml`, join(folder, "alerts.yml"));
    const { stdout } = await run(promtool, ["check", "config", join(folder, "prometheus.yml")]);
    expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("Prometheus takes every expression of the dashboard", async () => {
  expect(expressions.length).toBeGreaterThan(panels.length);
  const folder = mkdtempSync(join(tmpdir(), "tailrace-rules-"));
  try {
    const records = expressions.map((expr, at) => ({
      record: `panel:${at}`,
      expr: expr.replaceAll("$__rate_interval", "5m").replaceAll("$instance", ".*"),
    }));
    const path = join(folder, "rules.yml");
    writeFileSync(path, JSON.stringify({ groups: [{ name: "dashboard", rules: records }] }));
    const { stdout } = await run(promtool, ["check", "rules", path]);
    expect(stdout).toContain(`${records.length} rules found`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each([
  ["alerts", rules.map(({ expr }) => expr)],
  ["dashboard", expressions],
])("every metric of the %s is one that the server has", async (_name, exprs) => {
  const names = exprs.flatMap(metricsOf);
  const all = await known();
  expect(names.filter((name) => !all.has(name))).toEqual([]);
  expect(names.length).toBeGreaterThanOrEqual(rules.length);
});

test("every alert's section says what happened, what it means, and what to do", () => {
  const sections = readFileSync(`${docs}alerts.md`, "utf8")
    .split(/^## .*\n/m)
    .slice(1);
  for (const [at, { alert, annotations, labels }] of rules.entries()) {
    const [severity, means, todo, ...more] = sections[at]!.trim().split("\n\n");
    expect(severity, alert).toContain(`(\`${labels.severity}\`)`);
    expect(annotations.summary, alert).not.toBe("");
    for (const text of [means, todo]) expect(text?.length ?? 0, alert).toBeGreaterThan(30);
    expect(more, alert).toEqual([]);
  }
});

test("every alert has its section, which is where its runbook leads", () => {
  const sections = readFileSync(`${docs}alerts.md`, "utf8")
    .match(/^## .*$/gm)
    ?.map((line) => line.slice(3));
  expect(sections).toEqual(rules.map(({ alert }) => alert));
  for (const { alert, annotations, labels } of rules) {
    expect(annotations.runbook).toBe(`docs/alerts.md#${alert.toLowerCase()}`);
    expect(["page", "ticket", "info"]).toContain(labels.severity);
  }
});
