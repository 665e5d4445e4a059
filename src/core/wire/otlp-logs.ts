/** Log records of an OTLP ExportLogsServiceRequest, regardless of its encoding. */

/** An AnyValue in the form of JSON; bytes as base64, whole numbers beyond 2^53 as strings. */
export type OtlpValue =
  | null
  | string
  | number
  | boolean
  | readonly OtlpValue[]
  | { readonly [key: string]: OtlpValue };

export type OtlpAttributes = readonly (readonly [key: string, value: OtlpValue])[];

export type OtlpRecord = {
  /** Nanoseconds since 1970; 0: unknown. */
  timeNanos: bigint;
  observedNanos: bigint;
  /** 1 to 24; 0: unknown. */
  severity: number;
  severityText: string;
  body: OtlpValue;
  attributes: OtlpAttributes;
  flags: number;
  /** In hexadecimal digits; empty if there is none. */
  traceId: string;
  spanId: string;
  eventName: string;
};

/** The parts that several records share. */
export type OtlpOrigin = { readonly resource: OtlpAttributes; readonly scope: string };

/** `record` is undefined if it, or what it shares with others, is larger than a line may be. */
export type VisitRecord = (record: OtlpRecord | undefined, origin: OtlpOrigin) => void;

/** The most bytes of a record or a resource in protobuf, which is read in one go: no line has as many. */
export const partBytesMax = 512 * 1024;
/** Attributes and values of a record or a resource, including nested ones. */
const valuesMax = 10_000;

/** Fields of protobuf in one: so many values have 20,000, and those that mean nothing take time as well. */
const fieldsMax = 25_000;

/** Thrown when a record has too many values or fields. */
class TooManyValues extends Error {}

let values = 0; // of the record that is being read; nothing awaits in between
let fields = 0;

/** Counts one more value of the record that `bounded` reads. Throws `TooManyValues`. */
export function countValue(): void {
  if (++values > valuesMax) throw new TooManyValues();
}

/** Counts one more field of the record that `bounded` reads. Throws `TooManyValues`. */
export function countField(): void {
  if (++fields > fieldsMax) throw new TooManyValues();
}

/** The result of `read`; undefined if there are too many values or fields. */
export function bounded<Part>(read: () => Part): Part | undefined {
  values = 0;
  fields = 0;
  try {
    return read();
  } catch (error) {
    if (error instanceof TooManyValues) return undefined;
    throw error;
  }
}

/** The deepest nesting of values; deeper ones are left out. */
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

/** A trace or span id as it is shown; empty if it is all zeros or has another length. */
export const idOf = (hex: string, bytes: number): string =>
  hex.length === 2 * bytes && /[^0]/.test(hex) ? hex : "";

/** A 64-bit whole number in a form that JSON can hold. */
export const wholeNumber = (value: bigint): OtlpValue =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : String(value);

export const traceIdBytes = 16;
export const spanIdBytes = 8;
