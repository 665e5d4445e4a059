/**
 * Heroku Platform API, "Telemetry Drain" (docs/spec/apis.md#p4-1): OTLP drains as `heroku telemetry:add` makes them.
 * Each is an ordinary drain in the format `otlp`, which `log-drains` lists too, with its ledger.
 */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { ChannelId } from "../../core/ids.ts";
import { notFound } from "../../errors/access.ts";
import { paramsInvalid } from "../../errors/api.ts";
import { telemetryRefused } from "../../errors/drains.ts";
import type { Apps } from "../../registry/apps.ts";
import type { Drains } from "../../registry/drains.ts";
import { maySee } from "../../registry/principal.ts";
import type { DrainRecord } from "../../registry/records.ts";
import { appOf, appToManage, principalOf } from "../auth.ts";
import { refuseUnknown } from "../bodies.ts";
import { appPath, arrayOf, failures, object, text, time, uuid } from "../schemas.ts";

type TelemetryDrainsDeps = {
  readonly apps: Apps;
  readonly drains: Drains;
  /** An endpoint without its secrets, for keys that only read. */
  readonly redactUrl: (url: string) => string;
};

type TelemetryRecord = DrainRecord & Required<Pick<DrainRecord, "telemetry">>;
type Exporter = {
  readonly type?: string;
  readonly endpoint?: string;
  readonly headers?: Readonly<Record<string, string>>;
};
type Body = {
  readonly owner?: { readonly id?: string; readonly type?: string };
  readonly signals?: readonly string[];
  readonly exporter?: Exporter;
};
type DrainRequest = { Params: { drain: string } };

const signalNames = ["traces", "metrics", "logs"];
const endpointCharsMax = 1_000;
const headersMax = 20;
const headerValueCharsMax = 1_000;
const hidden = "(hidden)";
const tags = ["Drains"];

const exporterFields = {
  type: { ...text, description: "`otlphttp`" },
  endpoint: { ...text, description: "where /v1/logs is, or its base" },
  headers: { type: "object", additionalProperties: text },
};
const drainReply = object({
  id: uuid,
  owner: object({ id: uuid, type: text }),
  exporter: object(exporterFields),
  signals: arrayOf(text),
  created_at: time,
  updated_at: time,
});
const drainPath = object({ drain: uuid });
// The fields of a body are checked by hand.
const body = { type: "object" };

export const telemetryDrainsApi: FastifyPluginAsync<TelemetryDrainsDeps> = async (server, deps) => {
  const { apps, drains } = deps;

  const show = (request: FastifyRequest, drain: TelemetryRecord) => {
    const isHidden = principalOf(request).readOnly;
    const { endpoint, signals } = drain.telemetry;
    const headers = Object.entries(drain.headers ?? {}).map(([name, value]) => [
      name,
      isHidden ? hidden : value,
    ]);
    return {
      id: drain.id,
      owner: { id: drain.channel, type: "app" },
      exporter: {
        type: "otlphttp",
        endpoint: isHidden ? deps.redactUrl(endpoint) : endpoint,
        headers: Object.fromEntries(headers),
      },
      signals,
      created_at: drain.createdAt,
      updated_at: drain.updatedAt,
    };
  };

  const find = async (request: FastifyRequest<DrainRequest>): Promise<TelemetryRecord> => {
    const drain = await drains.find(request.params.drain);
    if (drain === undefined || !isTelemetry(drain) || !maySee(principalOf(request), drain.channel)) {
      throw notFound("telemetry_drain", request.params.drain);
    }
    return drain;
  };
  const findToManage = async (request: FastifyRequest<DrainRequest>): Promise<TelemetryRecord> => {
    const drain = await find(request);
    await appToManage(apps, principalOf(request), drain.channel);
    return drain;
  };

  server.get(
    "/apps/:app/telemetry-drains",
    {
      schema: {
        tags,
        summary: "The telemetry drains of an app",
        params: appPath,
        response: { 200: arrayOf(drainReply), ...failures },
      },
    },
    async (request) =>
      (await drains.list(appOf(request).id)).filter(isTelemetry).map((drain) => show(request, drain)),
  );

  server.post<{ Body: Body }>(
    "/telemetry-drains",
    {
      schema: {
        tags,
        summary: "Send an app's log over OTLP/HTTP",
        body,
        response: { 201: drainReply, ...failures },
      },
    },
    async (request, reply) => {
      const { owner, signals, exporter } = request.body;
      refuseUnknown(request.body, "", ["owner", "signals", "exporter"]);
      const channel = await ownerOf(owner, (id) => appToManage(apps, principalOf(request), id));
      if (exporter?.endpoint === undefined) throw paramsInvalid("`exporter.endpoint` is missing");
      if (exporter.type === undefined) throw paramsInvalid("`exporter.type` is missing");
      if (signals === undefined) throw paramsInvalid("`signals` are missing");
      const { endpoint, headers } = exporterOf(exporter);
      const drain = await drains.create(channel, {
        url: logsUrl(endpoint!),
        format: "otlp",
        telemetry: { endpoint: endpoint!, signals: signalsOf(signals) },
        ...(headers && { headers }),
      });
      return reply.code(201).send(show(request, drain as TelemetryRecord));
    },
  );

  server.get<DrainRequest>(
    "/telemetry-drains/:drain",
    {
      schema: {
        tags,
        summary: "A telemetry drain",
        params: drainPath,
        response: { 200: drainReply, ...failures },
      },
    },
    async (request) => show(request, await find(request)),
  );

  server.patch<DrainRequest & { Body: Body }>(
    "/telemetry-drains/:drain",
    {
      schema: {
        tags,
        summary: "Change a telemetry drain's signals, or parts of its exporter",
        params: drainPath,
        body,
        response: { 200: drainReply, ...failures },
      },
    },
    async (request) => {
      const before = await findToManage(request);
      refuseUnknown(request.body, "", ["signals", "exporter"]);
      const signals = request.body.signals && signalsOf(request.body.signals);
      const { endpoint, headers } = exporterOf(request.body.exporter ?? {});
      const drain = await drains.update(before, {
        ...(endpoint !== undefined && { url: logsUrl(endpoint) }),
        telemetry: { ...(endpoint !== undefined && { endpoint }), ...(signals && { signals }) },
        ...(headers && { headers }),
      });
      return show(request, drain as TelemetryRecord);
    },
  );

  server.delete<DrainRequest>(
    "/telemetry-drains/:drain",
    {
      schema: {
        tags,
        summary: "Remove a telemetry drain; the answer is the drain that was",
        params: drainPath,
        response: { 200: drainReply, ...failures },
      },
    },
    async (request) => {
      const drain = await findToManage(request);
      await drains.remove(drain.channel, drain.id);
      return show(request, drain);
    },
  );
};

const isTelemetry = (drain: DrainRecord): drain is TelemetryRecord => drain.telemetry !== undefined;

async function ownerOf(
  owner: Body["owner"],
  appToManage: (id: string) => Promise<{ readonly id: ChannelId }>,
): Promise<ChannelId> {
  if (typeof owner?.id !== "string") throw paramsInvalid("`owner.id` is missing");
  refuseUnknown(owner, "owner.", ["id", "type"]);
  if (owner.type !== undefined && owner.type !== "app") {
    throw telemetryRefused("its owner is no app", "There are no spaces here: make a drain for each app.");
  }
  return (await appToManage(owner.id)).id;
}

function exporterOf(exporter: Exporter): Pick<Exporter, "endpoint" | "headers"> {
  refuseUnknown(exporter, "exporter.", ["type", "endpoint", "headers"]);
  const { type, endpoint, headers } = exporter;
  if (type === "otlp") {
    throw telemetryRefused(
      "its exporter is OTLP over gRPC",
      "Use OTLP over HTTP, which collectors offer on port 4318: `--transport http`, or exporter.type `otlphttp`.",
    );
  }
  if (type !== undefined && type !== "otlphttp") {
    throw telemetryRefused(
      `its exporter "${String(type).slice(0, 50)}" is unknown`,
      "Use exporter.type `otlphttp`. For Splunk's event collector make a log drain with the format `splunk`.",
    );
  }
  if (endpoint !== undefined && (typeof endpoint !== "string" || endpoint.length > endpointCharsMax)) {
    throw paramsInvalid(`\`exporter.endpoint\` is not text of at most ${endpointCharsMax} characters`);
  }
  if (endpoint !== undefined && !/^https?:/i.test(endpoint)) {
    throw paramsInvalid("`exporter.endpoint` is no http:// or https:// URL");
  }
  if (headers !== undefined) checkHeaders(headers);
  return { ...(endpoint !== undefined && { endpoint }), ...(headers !== undefined && { headers }) };
}

function checkHeaders(headers: unknown): void {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    throw paramsInvalid("`exporter.headers` is no object");
  }
  const values = Object.values(headers);
  if (values.length > headersMax) throw paramsInvalid(`\`exporter.headers\` has more than ${headersMax}`);
  if (values.some((value) => typeof value !== "string" || value.length > headerValueCharsMax)) {
    throw paramsInvalid(
      `a value of \`exporter.headers\` is not text of at most ${headerValueCharsMax} characters`,
    );
  }
}

function signalsOf(signals: unknown): readonly string[] {
  if (!Array.isArray(signals) || signals.length === 0)
    throw paramsInvalid("`signals` is no list with one at least");
  const unknown = signals.find((signal) => !signalNames.includes(signal));
  if (unknown !== undefined) {
    throw paramsInvalid(
      `there is no signal "${String(unknown).slice(0, 50)}"; there are ${signalNames.join(", ")}`,
    );
  }
  if (new Set(signals).size !== signals.length) throw paramsInvalid("`signals` names one twice");
  if (!signals.includes("logs")) {
    throw telemetryRefused(
      "it asks for no logs",
      "Logs are all that there is to export here: add `logs` to its signals.",
    );
  }
  return signals;
}

// An exporter's endpoint is a base; each signal adds its path (OTLP exporter specification).
function logsUrl(endpoint: string): string {
  if (!URL.canParse(endpoint)) return endpoint; // whoever reads it refuses it
  const url = new URL(endpoint);
  if (/\/v1\/logs\/?$/.test(url.pathname)) return endpoint;
  url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/logs`;
  return url.href;
}
