/**
 * The checkpoints of one lease's drains are kept together where nodes share the drains: a sheet is one record with those
 * of up to `sheetDrainsMax` drains, and the record at `drain-state/ID` says which one a drain's is in. Programs that know
 * no sheets take that for a checkpoint of a later version, and leave it alone.
 */
import { checkpointKey, sheetKey } from "../core/records/record-keys.ts";
import { hasFields, isCount, isMapOf, isNumber, isText, ofVersion } from "../core/records/record-shape.ts";
import { drainStateUnreadable } from "../errors/drains.ts";
import type { Store } from "../ports.ts";
import type { DrainRecord } from "./records.ts";

/** So many checkpoints are in one sheet at most. */
export const sheetDrainsMax = 64;
/** The words of a drain's last error are cut to this in a sheet, so that it never has more than a record may have. */
export const sheetErrorCharsMax = 1_000;

export type DrainSheet = {
  readonly version: 1;
  /** The lease under which it was written. None replaces one of a later lease. */
  readonly lease: number;
  /** Checkpoints by the ids of their drains. */
  readonly drains: Readonly<Record<string, unknown>>;
};

/** The record at `drain-state/ID` of a drain whose checkpoint is in a sheet. */
type SheetPlace = { readonly version: typeof placeVersion; readonly sheet: string };

const placeVersion = 3;
const isPlace = ofVersion(placeVersion, hasFields({ version: isCount, sheet: isText }));

export const isSheet = ofVersion(1, hasFields({ lease: isNumber, drains: isMapOf(hasFields({})) }));

export const placeOn = (sheet: string): SheetPlace => ({ version: placeVersion, sheet });

/** The name of the sheet that `stored`, of `drain-state/ID`, leads to; undefined when it does not. */
export const sheetIn = (stored: unknown): string | undefined =>
  stored !== undefined && isPlace(stored) === undefined ? (stored as SheetPlace).sheet : undefined;

/** The checkpoint that was stored last of the drain, unread, wherever it is. Throws `drainStateUnreadable`. */
export async function storedCheckpoint(store: Store, { id }: Pick<DrainRecord, "id">): Promise<unknown> {
  const found = await store.get(checkpointKey(id));
  const name = sheetIn(found?.value);
  if (name === undefined) return found?.value;
  const sheet = await store.get<DrainSheet>(sheetKey(name));
  return entryIn(sheet?.value.drains[id], id);
}

/** The entry that a drain's sheet has for it. Throws `drainStateUnreadable` when there is none. */
export function entryIn(entry: unknown, id: string): unknown {
  if (entry === undefined) throw drainStateUnreadable(id, "the record that it is kept in has nothing of it");
  return entry;
}
