/** A receiver's answer: its status, and as much of the body as can matter, decompressed. */
import { constants, createUnzip } from "node:zlib";

/** As it arrived over the connection. */
export type RawAnswer = {
  readonly status: number;
  /** Names in lower case; the values of repeated headers are joined. */
  readonly headers: ReadonlyMap<string, string>;
  /** The first bytes of the body, without chunk framing. */
  readonly raw: Buffer;
  /** True if there was more of the body, or should have been. */
  readonly isCut: boolean;
};

/** The parts of an answer that decide the verdict. */
export type Answer = {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly contentType: string;
  /** The first bytes of the body; empty if its coding is unknown. */
  readonly body: Buffer;
  /** True if there was more of the body, or should have been. */
  readonly isCut: boolean;
};

/** An answer's body is not read beyond this, neither as it arrives nor decompressed: the connection is closed. */
export const answerBytesMax = 8_192;

/** The answer with its body decoded. */
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

// No coding was asked for, but some proxies compress everything that they pass on.
async function decoded(raw: Buffer, coding: string): Promise<{ body: Buffer; isWhole: boolean }> {
  if (!/^(x-)?gzip$|^deflate$/.test(coding)) return { body: Buffer.alloc(0), isWhole: false };
  const unzip = createUnzip({ finishFlush: constants.Z_SYNC_FLUSH }); // returns what there is of a truncated body
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
