/**
 * Checkpoints of one lease's drains are kept together where nodes share the drains: a sheet is one record with those
 * of up to `sheetDrainsMax` drains, and the record at `drain-state/ID` names the sheet. Programs that do not know
 * sheets take that for a checkpoint of a later version, and leave it alone.
 */
import { checkpointKey, sheetKey } from "../core/records/record-keys.ts";
import { hasFields, isCount, isMapOf, isNumber, isText, ofVersion } from "../core/records/record-shape.ts";
import { drainStateUnreadable } from "../errors/drains.ts";
import type { Store } from "../ports.ts";
import type { DrainRecord } from "./records.ts";

/** The most checkpoints in one sheet. */
export const sheetDrainsMax = 64;
/** A drain's last error is cut to this length in a sheet, so that the sheet always fits into a record. */
export const sheetErrorCharsMax = 1_000;

export type DrainSheet = {
  readonly version: 1;
  /** The lease under which it was written. It never replaces one of a later lease. */
  readonly lease: number;
  /** Checkpoints by drain id. */
  readonly drains: Readonly<Record<string, unknown>>;
};

/** The record at `drain-state/ID` of a drain whose checkpoint is in a sheet. */
type SheetPlace = { readonly version: typeof placeVersion; readonly sheet: string };

const placeVersion = 3;
const isPlace = ofVersion(placeVersion, hasFields({ version: isCount, sheet: isText }));

export const isSheet = ofVersion(1, hasFields({ lease: isNumber, drains: isMapOf(hasFields({})) }));

export const placeOn = (sheet: string): SheetPlace => ({ version: placeVersion, sheet });

/** The name of the sheet in `stored`, a record at `drain-state/ID`; undefined if it names none. */
export const sheetIn = (stored: unknown): string | undefined =>
  stored !== undefined && isPlace(stored) === undefined ? (stored as SheetPlace).sheet : undefined;

/** The drain's latest checkpoint as it was stored, wherever that is. Throws `drainStateUnreadable`. */
export async function storedCheckpoint(store: Store, { id }: Pick<DrainRecord, "id">): Promise<unknown> {
  const found = await store.get(checkpointKey(id));
  const name = sheetIn(found?.value);
  if (name === undefined) return found?.value;
  const sheet = await store.get<DrainSheet>(sheetKey(name));
  return entryIn(sheet?.value.drains[id], id);
}

/** The drain's entry in its sheet. Throws `drainStateUnreadable` if there is none. */
export function entryIn(entry: unknown, id: string): unknown {
  if (entry === undefined) throw drainStateUnreadable(id, "the record that it is kept in has nothing of it");
  return entry;
}
