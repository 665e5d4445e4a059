/** Reports whether the process is alive and able to work, and its metrics. Nothing here belongs to an app. */
import { setTimeout } from "node:timers/promises";
import type { FastifyPluginAsync } from "fastify";
import { metricsRegistry, ready } from "../metrics.ts";
import { sharedAnswer } from "./shared-answer.ts";

/** The reasons why the server cannot work, worded for the operator; empty if it can. */
type Readiness = () => Promise<readonly string[]>;

const figuresAgeMsMax = 1000;
/** How long metrics wait for the answer of `/readyz`: a disk or a store that hangs does not keep them away. */
const readyMsMax = 1000;

const open = { tags: ["Operations"], security: [] };
const text = { type: "string" };
const readyReply = {
  type: "object",
  properties: { ready: { type: "boolean" }, reasons: { type: "array", items: text } },
};

export type HealthOptions = {
  readonly readiness: Readiness;
  /** True where metrics, and the reasons for not being ready, are served elsewhere. */
  readonly isBrief?: boolean;
};

/** `/healthz`, `/readyz`, `/metrics`, and logplex's `/healthcheck`. No key is needed. */
export const healthApi: FastifyPluginAsync<HealthOptions> = async (
  server,
  { readiness, isBrief = false },
) => {
  const figures = sharedAnswer(async () => {
    ready.set((await isReadyInTime(readiness)) ? 1 : 0);
    return Buffer.from(await metricsRegistry.metrics());
  }, figuresAgeMsMax);

  server.get("/healthz", { schema: { ...open, summary: "Is the process alive?" } }, async () => ({
    alive: true,
  }));

  server.get(
    "/readyz",
    {
      schema: {
        ...open,
        summary: isBrief ? "Can it work? 503 when not." : "Can it work? 503 with the reasons when not.",
        response: { 200: readyReply, 503: readyReply },
      },
    },
    async (_request, reply) => {
      const reasons = await readiness();
      return reply
        .code(reasons.length === 0 ? 200 : 503)
        .send({ ready: reasons.length === 0, ...(!isBrief && { reasons }) });
    },
  );

  for (const path of ["/healthcheck", "/v3/healthcheck"]) {
    server.get(path, { schema: { ...open, summary: "`OK`, as logplex" } }, async (_request, reply) => {
      const isReady = (await readiness()).length === 0;
      return reply
        .code(isReady ? 200 : 503)
        .type("text/plain; charset=utf-8")
        .send(isReady ? "OK" : "SYSTEM BOOTING");
    });
  }

  if (isBrief) return;
  server.get(
    "/metrics",
    { schema: { ...open, summary: "Figures for Prometheus", produces: ["text/plain"] } },
    async (_request, reply) => reply.type(metricsRegistry.contentType).send(await figures()),
  );
};

async function isReadyInTime(readiness: Readiness): Promise<boolean> {
  const late = new AbortController();
  const asked = readiness().then(
    (reasons) => reasons.length === 0,
    () => false,
  );
  try {
    return await Promise.race([asked, setTimeout(readyMsMax, false, { signal: late.signal })]);
  } finally {
    late.abort();
  }
}
