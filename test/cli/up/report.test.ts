/** What `up` tells the server of its dynos: never more than the server takes, and no dyno ends because it takes none of it. */
import { describe, expect, test } from "vitest";
import { answered, type CliError, keyRefused, notTailrace } from "../../../cli/errors.ts";
import { fittedReport } from "../../../cli/up/report.ts";
import { RunnerLink } from "../../../cli/up/runner-link.ts";
import type { DynoReport } from "../../../cli/up/wanted.ts";
import { reportLimits } from "../../../src/core/records/runner-report.ts";
import { formationLimits } from "../../../src/registry/platform/formation.ts";
import { ControlServer } from "../../support/control-server.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { kept } from "../../support/kept.ts";

const id = "01234567-89ab-4cde-8f01-23456789abcd";
const at = "2026-11-28T16:00:00Z";
const dynosOf = (count: number, type: string, command: string): DynoReport[] =>
  Array.from({ length: count }, (_, n) => ({
    id,
    name: `${type}.${n + 1}`,
    type,
    state: "starting",
    command,
    size: "Performance-M",
    release: 123_456,
    createdAt: at,
    updatedAt: at,
  }));
const longestType = "t".repeat(32);

describe("a report", () => {
  test.each([
    ["short commands", "node web.js"],
    ["long commands", "x".repeat(formationLimits.commandCharsMax)],
    ["commands of many bytes", "€".repeat(formationLimits.commandCharsMax)],
    ["commands that JSON makes longer", "\u0001".repeat(formationLimits.commandCharsMax)],
    ["commands of pairs", "🙂".repeat(formationLimits.commandCharsMax / 2)],
  ])("of more dynos than an app may have, with %s, is taken by the server", async (_, command) => {
    const server = kept(await ControlServer.open());
    await server.call("POST", "/apps", { name: "shop" });
    const oneOff = dynosOf(600, "run", command);
    const usual = dynosOf(formationLimits.dynosMax, longestType, command);
    const report = fittedReport([...oneOff, ...usual]);
    const told = await server.call("PUT", "/apps/shop/runner", {
      id,
      host: "h".repeat(255),
      pid: 4_000_000,
      replaces: id,
      dynos: report,
    });
    expect(told.text).toContain(id);
    expect(told.status).toBe(200);
    const { json } = await server.call("GET", "/apps/shop/dynos");
    expect(json).toHaveLength(reportLimits.dynosMax);
    expect(json.filter(({ type }: DynoReport) => type === longestType)).toHaveLength(
      formationLimits.dynosMax,
    );
    for (const dyno of json) expect(dyno.command.slice(0, 9)).toBe(command.slice(0, 9));
  });

  test("that fits is told as it is, and so are long commands of a few dynos", () => {
    const few = dynosOf(50, "web", "x".repeat(formationLimits.commandCharsMax));
    expect(fittedReport(few)).toEqual(few);
    const more = fittedReport(dynosOf(80, "web", "x".repeat(formationLimits.commandCharsMax)));
    expect(more[79]!.command).toMatch(/^x{5000,}…$/);
  });
});

describe("the link of up to the server", () => {
  /** It is up, and each report and each question is then answered by `error`; undefined: they are taken. */
  async function linked(error: CliError | undefined) {
    const clock = new FakeClock();
    const said: string[] = [];
    const answer = { error };
    let reports = 0;
    const link = new RunnerLink({
      api: {
        runner: async () => [],
        report: async () => {
          if (++reports > 1 && answer.error !== undefined) throw answer.error;
        },
        leave: async () => {},
        wanted: () => new Promise(() => {}),
      },
      app: "shop",
      dynos: () => [],
      onWanted: () => {},
      onEnd: ({ message }) => said.push(`ended: ${message}`),
      onAway: ({ message }) => said.push(`away: ${message}`),
      onRefused: ({ message }) => said.push(`refused: ${message}`),
      clock,
    });
    await link.register();
    link.start({ revision: 1, formation: [], config: {}, release: 1, orders: [] });
    await clock.advance(30_000);
    return { said, answer, clock, link, reports: () => reports };
  }

  test.each([400, 413, 415, 422])(
    "goes on when a report is refused with %i, and says so once",
    async (status) => {
      const { said, answer, clock, link, reports } = await linked(answered(status, "Too much.", ""));
      expect(said).toEqual(["refused: Too much."]);
      const before = reports();
      answer.error = undefined;
      await clock.advance(30_000);
      answer.error = answered(status, "Again.", "");
      await clock.advance(30_000);
      expect(reports()).toBeGreaterThan(before + 5);
      expect(said).toEqual(["refused: Too much.", "refused: Again."]);
      await link.close();
    },
  );

  test.each([
    ["a server that is away", answered(503, "No.", "")],
    ["a server that is asked too often", answered(429, "No.", "")],
    ["something that is no tailrace", notTailrace("http://proxy", "its answer is not JSON")],
  ])("goes on when the answer is that of %s", async (_, error) => {
    const { said, link } = await linked(error);
    expect(said).toEqual([]); // the question for what is wanted, which is answered alike, says it
    await link.close();
  });

  test.each([
    ["the key", keyRefused({ key: "k", origin: "the environment", isFileMissing: false } as never)],
    ["the right to write", answered(403, "It may only read.", "")],
    ["the app", answered(404, "It is gone.", "")],
    ["the app to another runner", answered(409, "There is another one.", "")],
  ])("ends when it has lost %s", async (_, error) => {
    const { said, link } = await linked(error);
    expect(said).toEqual([`ended: ${error.message}`]);
    await link.close();
  });
});
