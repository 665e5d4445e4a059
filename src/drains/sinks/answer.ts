/** What a receiver answered: its status, and as much of the body as can matter, decompressed. */
import type { IncomingMessage } from "node:http";
import { constants, createUnzip } from "node:zlib";

/** What of an answer decides. */
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
/** For the rest of an answer whose status is known. */
const answerMsMax = 1_000;

/** Resolves at the end of the answer, or when there is no reason to read on: the status alone decides. */
export function readAnswer(response: IncomingMessage): Promise<Answer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytesRead = 0;
    const timer = setTimeout(() => response.destroy(), answerMsMax);
    const settle = () => {
      clearTimeout(timer);
      const isWhole = response.complete && bytesRead <= answerBytesMax;
      resolve(answerOf(response, Buffer.concat(chunks).subarray(0, answerBytesMax), !isWhole));
    };
    response.on("data", (chunk: Buffer) => {
      if (bytesRead <= answerBytesMax) chunks.push(chunk);
      bytesRead += chunk.length;
      if (bytesRead > answerBytesMax) response.destroy();
    });
    response.on("error", () => {}); // "close" follows
    response.once("close", settle);
  });
}

/** The answer with these first bytes of its body. */
export async function answerOf(
  { statusCode = 0, headers }: Pick<IncomingMessage, "statusCode" | "headers">,
  raw: Buffer,
  isCut: boolean,
): Promise<Answer> {
  const coding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  const { body, isWhole } = await decoded(raw, coding);
  return {
    status: statusCode,
    retryAfter: headers["retry-after"],
    contentType: headers["content-type"] ?? "",
    body,
    isCut: isCut || !isWhole,
  };
}

// Nobody was asked for a coding, but some proxies compress whatever they pass on.
async function decoded(raw: Buffer, coding: string): Promise<{ body: Buffer; isWhole: boolean }> {
  if (coding === "identity" || coding === "" || raw.length === 0) return { body: raw, isWhole: true };
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
