/** A summary of an app's log and its drains. Our own addition to the Platform API. */
import type { FastifyPluginAsync } from "fastify";
import type { ChannelId } from "../../core/ids.ts";
import { isTestFailed } from "../../core/records/failed-test.ts";
import type { Drains } from "../../registry/drains.ts";
import { timeOf } from "../../registry/time.ts";
import type { LogSummary } from "../../tail/log-summary.ts";
import { appOf } from "../auth.ts";
import { appPath, count, failures, object, text, time } from "../schemas.ts";

/** Summarises a channel's log. Supplied by the tails' own part. */
export type SummaryOf = (channel: ChannelId) => Promise<LogSummary>;

const summaryReply = object({
  position: { ...text, description: "behind the newest line" },
  end_line: { ...count, description: "lines that there ever were: the running number of the next one" },
  oldest: {
    ...object({ line: count, accepted_at: time }, { nullable: true }),
    description: "the oldest line that is kept",
  },
  recent: {
    ...object({ seconds: count, lines: count, errors: count }),
    description: "of the last minute, or of as much of it as the newest `--history-lines` lines reach back",
  },
  newest: {
    ...object(
      { accepted_at: time, source: text, dyno: text, severity: text, message: text },
      { nullable: true },
    ),
    description: "the newest line, its message cut to 2,000 bytes",
  },
  drains: {
    ...object({
      idle: count,
      delivering: count,
      retrying: count,
      paused: count,
      tests_failed: count,
      lag_lines: count,
    }),
    description:
      "how many are in which state, how many that are idle or delivering did not take their newest test line, and nothing since, and the longest lag",
  },
});

export const logSummaryApi: FastifyPluginAsync<{ drains: Drains; summaryOf: SummaryOf }> = async (
  server,
  { drains, summaryOf },
) => {
  server.get(
    "/apps/:app/log-summary",
    {
      schema: {
        tags: ["Logs"],
        summary: "An app's log and its drains at a glance",
        params: appPath,
        response: { 200: summaryReply, ...failures },
      },
    },
    async (request) => {
      const { id } = appOf(request);
      const [log, records] = await Promise.all([summaryOf(id), drains.list(id)]);
      const ledgers = await Promise.all(records.map((record) => drains.view(record)));
      const states = { idle: 0, delivering: 0, retrying: 0, paused: 0 };
      for (const { state } of ledgers) states[state]++;
      const { oldest, newest } = log;
      return {
        position: log.position,
        end_line: log.endLine,
        oldest: oldest ? { line: oldest.line, accepted_at: timeOf(oldest.acceptedAtMs) } : null,
        recent: { seconds: log.seconds, lines: log.lines, errors: log.errors },
        newest: newest ? { ...withoutTime(newest), accepted_at: timeOf(newest.acceptedAtMs) } : null,
        drains: {
          ...states,
          tests_failed: ledgers.filter(({ state, lastTest, deliveredAt }) =>
            isTestFailed({ state, last_test: lastTest ?? null, delivered_at: deliveredAt ?? null }),
          ).length,
          lag_lines: Math.max(0, ...ledgers.map(({ lagLines }) => lagLines)),
        },
      };
    },
  );
};

const withoutTime = ({ source, dyno, severity, message }: NonNullable<LogSummary["newest"]>) => ({
  source,
  dyno,
  severity,
  message,
});
