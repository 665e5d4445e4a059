/** The formats of request bodies, by name. */
import type { FormatName } from "../../destination.ts";
import type { BodyFormat } from "./body-format.ts";
import { datadogFormat } from "./datadog.ts";
import { logplexFormat } from "./logplex.ts";
import { lokiFormat } from "./loki.ts";
import { betterStackFormat, ndjsonFormat } from "./ndjson.ts";
import { newRelicFormat } from "./newrelic.ts";
import { otlpFormat } from "./otlp.ts";
import { otlpJsonFormat } from "./otlp-json.ts";
import { rfc5424Format } from "./rfc5424.ts";
import { splunkFormat } from "./splunk.ts";

export const bodyFormats: Readonly<Record<FormatName, BodyFormat>> = {
  logplex: logplexFormat,
  rfc5424: rfc5424Format,
  ndjson: ndjsonFormat,
  otlp: otlpFormat,
  "otlp-json": otlpJsonFormat,
  loki: lokiFormat,
  datadog: datadogFormat,
  newrelic: newRelicFormat,
  splunk: splunkFormat,
  betterstack: betterStackFormat,
};
