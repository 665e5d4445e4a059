/** The number of an app's lines over time, by severity. Our own addition to the Platform API. */
import type { FastifyPluginAsync } from "fastify";
import type { FilterSpec } from "../../core/filter/line-filter.ts";
import type { ChannelId } from "../../core/ids.ts";
import { paramsInvalid } from "../../errors/api.ts";
import { parseSpan } from "../../registry/time.ts";
import type { HistogramCounts } from "../../tail/histograms.ts";
import { appOf } from "../auth.ts";
import { appPath, arrayOf, count, failures, flag, object, optionalText, text } from "../schemas.ts";
import { type FilterFields, filterFields, filterOf, nameCharsMax } from "./filter-fields.ts";

/** Counts a channel's lines. Supplied by the tails' own part. */
export type HistogramOf = (
  channel: ChannelId,
  filter: FilterSpec,
  spanMs: number | undefined,
) => Promise<HistogramCounts>;

const histogramReply = object({
  step_seconds: {
    ...count,
    description: "the width of a bin; it grows with the span, so that there are no more than 120",
  },
  bins: {
    ...arrayOf(
      object({
        at: { ...text, description: "the start of the bin, RFC 3339: by the lines' own times" },
        error: count,
        warn: count,
        info: count,
        debug: count,
        position: { ...text, description: "a place before the first of these lines: read on behind it" },
        first_line: { ...count, description: "no line of the bin has a lower running number" },
        end_line: { ...count, description: "all of them have lower ones" },
      }),
    ),
    description: "oldest first; those without a line are left out",
  },
  first_line: { ...count, description: "lines were counted back to this running number" },
  end_line: { ...count, description: "and up to this one, which is not counted yet" },
  dynos: {
    ...arrayOf(text),
    description: "processes that wrote any of these lines; of more than 200 those that did so last",
  },
  complete: { ...flag, description: "false: older lines are counted when it is asked again" },
});

type Query = FilterFields & { readonly span?: string | null };

export const logHistogramApi: FastifyPluginAsync<{
  histogramOf: HistogramOf;
}> = async (server, { histogramOf }) => {
  server.get<{ Querystring: Query }>(
    "/apps/:app/log-histogram",
    {
      schema: {
        tags: ["Logs"],
        summary: "Lines of an app over time, by how bad they are",
        params: appPath,
        querystring: object(
          {
            ...filterFields,
            span: {
              ...optionalText,
              maxLength: nameCharsMax,
              description: "`15m`, `6h`, `7d`: of the newest so much; left out, of all that is kept",
            },
          },
          { optional: [...(Object.keys(filterFields) as (keyof typeof filterFields)[]), "span"] },
        ),
        response: { 200: histogramReply, ...failures },
      },
    },
    async (request) => {
      const { id } = appOf(request);
      const histogram = await histogramOf(id, filterOf(request.query), spanOf(request.query.span));
      return {
        step_seconds: histogram.stepMs / 1000,
        bins: histogram.bins.flatMap(({ startMs, counts, extent }) =>
          extent === undefined
            ? []
            : {
                at: new Date(startMs).toISOString(),
                ...counts,
                position: extent.position,
                first_line: extent.firstLine,
                end_line: extent.endLine,
              },
        ),
        first_line: histogram.firstLine,
        end_line: histogram.endLine,
        dynos: histogram.processes,
        complete: histogram.isWhole,
      };
    },
  );
};

function spanOf(span: string | null | undefined): number | undefined {
  if (!span) return undefined;
  const spanMs = parseSpan(span);
  if (spanMs === undefined) throw paramsInvalid("`span` is no span of time: write 15m, 6h or 7d");
  return spanMs;
}
