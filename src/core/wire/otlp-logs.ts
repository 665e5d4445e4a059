/** Log records of an OTLP ExportLogsServiceRequest, whatever its encoding. */

/** An AnyValue as JSON has it; bytes as base64, whole numbers beyond 2^53 as text. */
export type OtlpValue =
  | null
  | string
  | number
  | boolean
  | readonly OtlpValue[]
  | { readonly [key: string]: OtlpValue };

export type OtlpAttributes = readonly (readonly [key: string, value: OtlpValue])[];

export type OtlpRecord = {
  /** Nanoseconds since 1970; 0: it is not known. */
  timeNanos: bigint;
  observedNanos: bigint;
  /** 1 to 24; 0: it is not known. */
  severity: number;
  severityText: string;
  body: OtlpValue;
  attributes: OtlpAttributes;
  flags: number;
  /** In hexadecimal digits; empty: there is none. */
  traceId: string;
  spanId: string;
  eventName: string;
};

/** Shared by records. */
export type OtlpOrigin = { readonly resource: OtlpAttributes; readonly scope: string };

/** `record` is undefined where it, or what it shares with others, is more than a line holds. */
export type VisitRecord = (record: OtlpRecord | undefined, origin: OtlpOrigin) => void;

/** Bytes of a record or a resource in protobuf, which is read at one go: no line has as many. */
export const partBytesMax = 512 * 1024;
/** Attributes and values of a record, or of a resource, those inside of others included. */
const valuesMax = 10_000;

/** More values than a record may have. */
class TooManyValues extends Error {}

let values = 0; // of the record that is being read: nothing awaits meanwhile

/** One more value of the record that `bounded` reads. Throws `TooManyValues`. */
export function countValue(): void {
  if (++values > valuesMax) throw new TooManyValues();
}

/** The result of `read`; undefined where there are too many values. */
export function bounded<Part>(read: () => Part): Part | undefined {
  values = 0;
  try {
    return read();
  } catch (error) {
    if (error instanceof TooManyValues) return undefined;
    throw error;
  }
}

/** Values inside of values; deeper ones are left out. */
export const valueDepthMax = 16;

export const emptyRecord = (): OtlpRecord => ({
  timeNanos: 0n,
  observedNanos: 0n,
  severity: 0,
  severityText: "",
  body: null,
  attributes: [],
  flags: 0,
  traceId: "",
  spanId: "",
  eventName: "",
});

/** A trace or span id as it is shown: one of zeros, or of another length, is none. */
export const idOf = (hex: string, bytes: number): string =>
  hex.length === 2 * bytes && /[^0]/.test(hex) ? hex : "";

/** A whole number of 64 bits as JSON can have it. */
export const wholeNumber = (value: bigint): OtlpValue =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : String(value);

export const traceIdBytes = 16;
export const spanIdBytes = 8;
