/** Questions about the parcels that are under way. Pure. */
import { heldEndOf } from "./batcher.ts";
import type { DeliveryRules, DeliveryState, Flight, StateOf } from "./delivery-types.ts";
import type { DeliveryRange } from "./ranges.ts";

export type UnderWay = StateOf<"delivering"> | StateOf<"stopping">;

/** The line after everything that is prepared of the range. */
export const nextLine = (range: DeliveryRange, inFlight: readonly Flight[]): number =>
  inFlight.at(-1)?.cut?.endLine ?? range.line;

/** The line after what was sent, if lines can be sent now; otherwise undefined. */
export function dueLine(state: DeliveryState, rules: DeliveryRules): number | undefined {
  if (state.kind === "idle") return state.range.line;
  return state.kind === "delivering" && hasRoom(state, rules)
    ? nextLine(state.range, state.inFlight)
    : undefined;
}

/** True while the parcel with this number is waited for. */
export function isInFlight(state: DeliveryState, number: number): boolean {
  if (state.kind === "preparing") return state.flight.number === number;
  if (state.kind === "awaiting slot") return state.ready?.flight.number === number;
  return "inFlight" in state && state.inFlight.some((flight) => flight.number === number);
}

/**
 * True when another parcel may follow those under way: to a destination that has not just failed, within the bounds, and
 * while no parcel is being retried or halved.
 */
export function hasRoom(
  { memory, range, inFlight, broke }: StateOf<"delivering">,
  { limits }: DeliveryRules,
): boolean {
  const { isTrusted, sizing } = memory;
  const next = nextLine(range, inFlight);
  if (!isTrusted || broke !== undefined || inFlight.at(-1)!.stage !== "sent") return false;
  if (next >= range.endLine) return false;
  if (heldEndOf(sizing, range) !== undefined || sizing.suspectEnds.length > 0) return false;
  let bytes = 0;
  for (const { cut } of inFlight) bytes += cut!.bytes;
  return (
    inFlight.length < limits.unsettledParcelsMax &&
    next - range.line < limits.unsettledLinesMax &&
    bytes < limits.unsettledBytesMax
  );
}
