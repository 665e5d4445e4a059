/** Handles a parcel that has been made, or that turned out to be empty. Pure. */
import type { EventOf, Step } from "./delivery-types.ts";
import { resting, settleFiltered } from "./settle.ts";
import {
  after,
  choose,
  type PreparingState,
  recordSoon,
  resume,
  stay,
  takeSlot,
  withFlights,
} from "./transitions.ts";
import type { UnderWay } from "./under-way.ts";

/** The only parcel. It goes out when the drain has a slot. */
export function onPrepared(state: PreparingState, event: EventOf<"prepared">): Step {
  const { number, cut, outcome } = event;
  const { memory, range, flight } = state;
  if (flight.number !== number) return stay(state);
  switch (outcome) {
    case "ready": {
      const going = { ...flight, cut, stage: "going" } as const;
      if (memory.hasSlot)
        return { state: withFlights(memory, range, [going]), effects: [{ kind: "send", number }] };
      return {
        state: { kind: "awaiting slot", memory, ready: { range, flight: going } },
        effects: [takeSlot(memory)],
      };
    }
    case "filtered": {
      const left = settleFiltered(state, cut, event);
      // A failing drain looks at what is left: if nothing is, the lines that failed are gone, and so is the failure.
      if (left.memory.failures > 0) return after([recordSoon], choose(left.memory));
      const rested = resting(left.memory, []);
      return after([recordSoon, ...rested.effects], resume(rested.memory, left.range, false));
    }
    case "uncut":
      return resume(memory, range, false);
  }
}

/**
 * A parcel after others that are under way: it follows at once; if it is empty, its lines are settled in their turn.
 */
export function onNextPrepared(state: UnderWay, { number, cut, outcome }: EventOf<"prepared">): Step {
  const flight = state.inFlight.at(-1)!;
  if (flight.number !== number || flight.stage !== "preparing") return stay(state);
  const before = state.inFlight.slice(0, -1);
  switch (outcome) {
    case "ready":
      return {
        state: { ...state, inFlight: [...before, { ...flight, cut, stage: "going" }] },
        effects: [{ kind: "send", number }],
      };
    case "filtered":
      return stay({ ...state, inFlight: [...before, { ...flight, cut, stage: "sent", isFiltered: true }] });
    case "uncut":
      return stay({ ...state, inFlight: before });
  }
}
