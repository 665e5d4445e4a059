/** A receiver's answer: its status, and as much of the body as can matter, decompressed. */
import { constants, createUnzip } from "node:zlib";

/** As it came over the connection. */
export type RawAnswer = {
  readonly status: number;
  /** Names in small letters; the values of repeated ones are joined. */
  readonly headers: ReadonlyMap<string, string>;
  /** The first bytes of the body, without what chunks add. */
  readonly raw: Buffer;
  /** There was more of it, or there should have been. */
  readonly isCut: boolean;
};

/** The parts of an answer that decide. */
export type Answer = {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly contentType: string;
  /** Its first bytes; none of a body in a coding that is not known here. */
  readonly body: Buffer;
  /** There was more of it, or there should have been. */
  readonly isCut: boolean;
};

/** More of an answer's body, as it comes and decompressed, is not read: the connection is closed. */
export const answerBytesMax = 8_192;

/** The answer in words and not in a coding. */
export function answerOf(raw: RawAnswer): Answer | Promise<Answer> {
  const coding = raw.headers.get("content-encoding")?.toLowerCase() ?? "";
  if (coding === "identity" || coding === "" || raw.raw.length === 0) return inWords(raw, raw.raw, true);
  return decoded(raw.raw, coding).then(({ body, isWhole }) => inWords(raw, body, isWhole));
}

const inWords = ({ status, headers, isCut }: RawAnswer, body: Buffer, isWhole: boolean): Answer => ({
  status,
  retryAfter: headers.get("retry-after"),
  contentType: headers.get("content-type") ?? "",
  body,
  isCut: isCut || !isWhole,
});

// Nobody was asked for a coding, but some proxies compress whatever they pass on.
async function decoded(raw: Buffer, coding: string): Promise<{ body: Buffer; isWhole: boolean }> {
  if (!/^(x-)?gzip$|^deflate$/.test(coding)) return { body: Buffer.alloc(0), isWhole: false };
  const unzip = createUnzip({ finishFlush: constants.Z_SYNC_FLUSH }); // gives what there is of a body that was cut
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    unzip.end(raw);
    for await (const chunk of unzip) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > answerBytesMax) break;
    }
  } catch {
    return { body: Buffer.concat(chunks), isWhole: false };
  }
  return { body: Buffer.concat(chunks).subarray(0, answerBytesMax), isWhole: bytes <= answerBytesMax };
}
