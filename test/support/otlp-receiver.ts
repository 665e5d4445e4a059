/** OTLP logs read and answered with the official protobuf definitions, as protobufjs was generated from them. */
import { createRequire } from "node:module";

type Message<T> = {
  decode(bytes: Uint8Array): T;
  encode(message: object): { finish(): Uint8Array };
  fromObject(object: object): object;
  toObject(message: T, options: object): T;
  verify(object: object): string | null;
};
type Value = { readonly stringValue?: string; readonly intValue?: string };
type Pair = { readonly key: string; readonly value: Value };
type OtlpRecord = {
  readonly timeUnixNano?: string;
  readonly observedTimeUnixNano: string;
  readonly severityNumber: string | number;
  readonly severityText: string;
  readonly body: Value;
  readonly attributes: readonly Pair[];
};
export type OtlpRequest = {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes: readonly Pair[] };
    readonly scopeLogs: readonly {
      readonly scope: { readonly name: string };
      readonly logRecords: readonly OtlpRecord[];
    }[];
  }[];
};
type Collector = {
  readonly ExportLogsServiceRequest: Message<OtlpRequest>;
  readonly ExportLogsServiceResponse: Message<object>;
};

const require = createRequire(import.meta.url);
// Typed as the package's own file, which has no entry of its own in its manifest.
const root = require("@opentelemetry/otlp-transformer/build/src/generated/root.js") as {
  readonly opentelemetry: {
    readonly proto: { readonly collector: { readonly logs: { readonly v1: Collector } } };
  };
};
const { ExportLogsServiceRequest, ExportLogsServiceResponse } = root.opentelemetry.proto.collector.logs.v1;

/** A request as plain objects; numbers of 64 bits as text, enumerations by number. Throws for what is none. */
export function readOtlp(bytes: Uint8Array): OtlpRequest {
  const request = ExportLogsServiceRequest.decode(bytes);
  return ExportLogsServiceRequest.toObject(request, { longs: String });
}

/** A request in JSON, by way of the definitions too: unknown or misspelt fields are an error. */
export function readOtlpJson(text: string): OtlpRequest {
  const object = JSON.parse(text) as OtlpRequest;
  const request = ExportLogsServiceRequest.fromObject(object);
  const flaw = ExportLogsServiceRequest.verify(request);
  if (flaw !== null) throw new Error(flaw);
  const known = ExportLogsServiceRequest.toObject(request as OtlpRequest, { longs: String });
  if (JSON.stringify(sorted(known)) !== JSON.stringify(sorted(object)))
    throw new Error("fields that nobody knows");
  return known;
}

/** An answer that says so many lines were rejected. */
export const otlpAnswer = (rejectedLogRecords: number, errorMessage = ""): Buffer =>
  Buffer.from(
    ExportLogsServiceResponse.encode(
      ExportLogsServiceResponse.fromObject({ partialSuccess: { rejectedLogRecords, errorMessage } }),
    ).finish(),
  );

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, inner]) => [key, sorted(inner)]),
        )
      : value;

/** A request as an exporter writes it. */
export const writeOtlp = (request: object): Buffer =>
  Buffer.from(ExportLogsServiceRequest.encode(ExportLogsServiceRequest.fromObject(request)).finish());

/** `partial_success` of an answer. */
export function readOtlpAnswer(body: Buffer, isJson: boolean): unknown {
  const answer = isJson
    ? JSON.parse(body.toString())
    : ExportLogsServiceResponse.toObject(ExportLogsServiceResponse.decode(body), { longs: String });
  return (answer as { readonly partialSuccess?: unknown }).partialSuccess;
}

/** A google.rpc.Status, whose first fields are those of a partial success by number and type. */
export function readOtlpStatus(body: Buffer, isJson: boolean): { code: number; message: string } {
  if (isJson) return JSON.parse(body.toString());
  const inner = Buffer.concat([Buffer.from([0x0a]), lengthOf(body), body]);
  const { rejectedLogRecords, errorMessage } = readOtlpAnswer(inner, false) as {
    readonly rejectedLogRecords: string;
    readonly errorMessage: string;
  };
  return { code: Number(rejectedLogRecords), message: errorMessage };
}

const lengthOf = ({ length }: Buffer): Buffer =>
  Buffer.from(length < 128 ? [length] : [(length & 127) | 128, length >> 7]);
