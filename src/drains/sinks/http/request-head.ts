/**
 * The heads of a drain's requests, in the order and spelling of docs/spec/wire-out.md#d2-1, without any other header.
 * The parts that all of them share are written once.
 */
import type { Parcel } from "../../../ports.ts";
import type { HttpDestination } from "../../destination.ts";
import { signatureHeader, signatureOf } from "../signature.ts";

export type HeadOptions = {
  readonly destination: HttpDestination;
  readonly drainToken: string;
  readonly userAgent: string;
  /** Additional headers, which may replace the `Authorization` of the URL. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The secrets that sign bodies: the current one, and the one before it. */
  readonly secrets?: readonly string[];
};

/** A value that is different in each request. */
type Hole = { readonly kind: "lines" | "parcel id" | "signature" | "bytes" };

export class RequestHead {
  readonly #pieces: readonly (string | Hole)[];
  readonly #secrets: readonly string[];

  constructor(options: HeadOptions, contentType: string) {
    const { destination, secrets = [] } = options;
    this.#secrets = secrets;
    const pieces: (string | Hole)[] = [];
    let text = `POST ${destination.path} HTTP/1.1\r\n`;
    for (const [name, value] of Object.entries(headersOf(options, contentType))) {
      if (typeof value === "string") {
        // No value may start a line of its own; what an owner gives was already checked when it was stored.
        text += `${name}: ${value.replace(/[\r\n\0]/g, " ")}\r\n`;
        continue;
      }
      pieces.push(`${text}${name}: `, value);
      text = "\r\n";
    }
    this.#pieces = [...pieces, `${text}\r\n`];
  }

  /** The head of the request with this body, which has `bytes` bytes. */
  of({ count, parcelId }: Parcel, body: readonly Uint8Array[], bytes: number, nowMs: number): string {
    let head = "";
    for (const piece of this.#pieces) {
      if (typeof piece === "string") head += piece;
      else if (piece.kind === "lines") head += count;
      else if (piece.kind === "parcel id") head += parcelId;
      else if (piece.kind === "bytes") head += bytes;
      else head += signatureOf(whole(body), this.#secrets, nowMs);
    }
    return head;
  }
}

function headersOf(options: HeadOptions, contentType: string): Record<string, string | Hole> {
  const { destination, headers = {}, secrets = [] } = options;
  const hasOwn = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  return {
    Host: destination.hostHeader,
    ...(destination.authorization && !hasOwn && { Authorization: destination.authorization }),
    "Content-Type": contentType,
    ...(destination.compresses && { "Content-Encoding": "gzip" }),
    "Logplex-Msg-Count": { kind: "lines" },
    "Logplex-Frame-Id": { kind: "parcel id" },
    "Logplex-Drain-Token": options.drainToken,
    "User-Agent": options.userAgent,
    ...headers,
    ...(secrets.length > 0 && { [signatureHeader]: { kind: "signature" } }),
    "Content-Length": { kind: "bytes" },
  };
}

/** Joins the pieces. */
export const whole = (pieces: readonly Uint8Array[]): Uint8Array =>
  pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
