/** Answers of OTLP/HTTP, in the encoding of the request: ExportLogsServiceResponse, and google.rpc.Status for failures. */

export type OtlpEncoding = "protobuf" | "json";

export const contentTypeOf: Readonly<Record<OtlpEncoding, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

/** For `rejected` records and the reason; 0: all were accepted. */
export function exportAnswer(encoding: OtlpEncoding, rejected: number, reason: string): Buffer {
  if (encoding === "json") {
    const partialSuccess = { rejectedLogRecords: String(rejected), errorMessage: reason };
    return Buffer.from(JSON.stringify(rejected === 0 ? {} : { partialSuccess }));
  }
  return rejected === 0
    ? Buffer.alloc(0)
    : field(1, Buffer.concat([numberField(1, rejected), field(2, Buffer.from(reason))]));
}

/** gRPC's codes for the HTTP statuses that the OTLP door answers with. */
const codes: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 413: 8, 415: 3, 508: 9, 503: 14 };
const unknown = 2;

/** A failure as its status message. */
export function statusAnswer(encoding: OtlpEncoding, status: number, message: string): Buffer {
  const code = codes[status] ?? unknown;
  if (encoding === "json") return Buffer.from(JSON.stringify({ code, message }));
  return Buffer.concat([numberField(1, code), field(2, Buffer.from(message))]);
}

const field = (number: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);

const numberField = (number: number, value: number): Buffer =>
  Buffer.concat([Buffer.from([number << 3]), varint(value)]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
