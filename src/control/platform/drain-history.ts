/** Lag and pace of a drain over the last hour. Our own addition to the Platform API. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { DrainSample } from "../../drains/drain-histories.ts";
import { arrayOf, count, failures, object, text } from "../schemas.ts";
import { type DrainRequest, drainPath, type Found, tags } from "./drain-actions.ts";

export type HistoryOf = (id: string) => readonly DrainSample[];

const historyReply = object({
  samples: {
    ...arrayOf(
      object({
        at: { ...text, description: "RFC 3339" },
        lag_lines: { ...count, description: "lines that waited" },
        rate: { type: "number", description: "lines a second, delivered since the sample before" },
      }),
    ),
    description:
      "oldest first, one in 15 s; none where another node runs the drain, or where it was just started",
  },
});

type Parts = {
  readonly find: (request: FastifyRequest<DrainRequest>) => Promise<Found>;
  readonly historyOf: HistoryOf;
};

export function registerDrainHistory(server: FastifyInstance, { find, historyOf }: Parts): void {
  server.get<DrainRequest>(
    "/apps/:app/log-drains/:drain/history",
    {
      schema: {
        tags,
        summary: "A drain's lag and pace over the last hour",
        params: drainPath,
        response: { 200: historyReply, ...failures },
      },
    },
    async (request) => {
      const { drain } = await find(request);
      const samples = historyOf(drain.id).map(({ atMs, lagLines, rate }) => ({
        at: new Date(atMs).toISOString(),
        lag_lines: lagLines,
        rate,
      }));
      return { samples };
    },
  );
}
