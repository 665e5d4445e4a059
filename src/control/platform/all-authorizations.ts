/**
 * The list of all API keys, as JSON: ten thousand keys with hundreds of apps each. It is read and made in turns of the event
 * loop, once for all requests that ask for it at the same time, and each app is looked up once.
 */
import { keysTooLong } from "../../errors/api.ts";
import type { Apps } from "../../registry/apps.ts";
import type { Keys } from "../../registry/keys.ts";
import type { AppRecord, KeyRecord } from "../../registry/records.ts";
import { shared } from "../../registry/shared.ts";
import { turns } from "../../turns.ts";

/** Half of what is kept of all answers that nobody has read yet. */
const listBytesMax = 32 * 1024 * 1024;
const pieceCharsMin = 64 * 1024;

export type AppsById = ReadonlyMap<string, Pick<AppRecord, "id" | "name">>;

/** Throws `keysTooLong` beyond `bytesMax`. */
export function allAuthorizations(
  { apps, keys }: { readonly apps: Pick<Apps, "list">; readonly keys: Pick<Keys, "list"> },
  replyOf: (record: KeyRecord, named: AppsById) => object,
  bytesMax = listBytesMax,
): () => Promise<Buffer> {
  return shared(async () => {
    const records = await keys.list();
    const named = new Map((await apps.list()).map(({ id, name }) => [id as string, { id, name }]));
    const pieces: Buffer[] = [];
    let bytes = 0;
    let text = "[";
    const keep = () => {
      const piece = Buffer.from(text);
      text = "";
      bytes += piece.length;
      if (bytes > bytesMax) throw keysTooLong(records.length, bytesMax);
      pieces.push(piece);
    };
    for (const [at, record] of records.entries()) {
      text += `${at === 0 ? "" : ","}${JSON.stringify(replyOf(record, named))}`;
      if (text.length >= pieceCharsMin) keep();
      if (turns.isOver) await turns.next("keys");
    }
    text += "]";
    keep();
    return Buffer.concat(pieces);
  });
}
