/** What comes of each event in each state. `npm test -- test/drains/worker/machine/delivery-state.test.ts -u` draws it anew. */
import { AssertionError } from "node:assert";
import { describe, expect, test } from "vitest";
import { begin, step } from "../../../../src/drains/worker/machine/delivery-state.ts";
import type {
  DeliveryState,
  Effect,
  Memory,
  NewEvent,
  Step,
} from "../../../../src/drains/worker/machine/delivery-types.ts";
import { nothingRecent } from "../../../../src/drains/worker/machine/unconfirmed.ts";
import type { CutRange } from "../../../../src/drains/worker/parcel.ts";
import { type DrainCheckpoint, firstCheckpoint } from "../../../../src/registry/drain-checkpoint.ts";
import { readText } from "../../../support/sources.ts";
import {
  cutOf,
  eventOf,
  events,
  memoryAt,
  monotonicMs,
  nowMs,
  placeOf,
  rules,
  states,
  verdictOf,
} from "./states.ts";

const come = (state: DeliveryState, event: NewEvent, rest?: { afterMs?: number; random?: number }): Step =>
  step(state, eventOf(event, rest), rules);
/** Through several events, to the state that they lead to. */
const through = (state: DeliveryState, ...all: NewEvent[]): DeliveryState =>
  all.reduce((at, event) => come(at, event).state, state);
const kindsOf = ({ effects }: Step) => effects.map(({ kind }) => kind);
const effectOf = <Kind extends Effect["kind"]>({ effects }: Step, kind: Kind) =>
  effects.find((effect) => effect.kind === kind) as Extract<Effect, { kind: Kind }> | undefined;
const noticesOf = ({ effects }: Step) =>
  effects.flatMap((effect) => (effect.kind === "notify" ? [effect.notice] : []));
const { looking, idle, delivering, stopping } = states as Record<string, DeliveryState>;

/** With the one parcel of `cut` on its way. */
const sending = (cut = cutOf(10, 20), memory: Partial<Memory> = {}): DeliveryState =>
  ({
    ...delivering!,
    memory: { ...delivering!.memory, ...memory },
    inFlight: [{ number: 1, line: 10, stage: "going", cut, isAlone: false }],
  }) as DeliveryState;
/** Prepared and, with a slot, sent. */
const sent = (state: DeliveryState, cut = cutOf(10, 20)): DeliveryState => {
  const { flight } = state as Extract<DeliveryState, { kind: "preparing" }>;
  const ready = come(state, { kind: "prepared", number: flight.number, cut, outcome: "ready" }).state;
  return ready.kind === "awaiting slot" ? come(ready, { kind: "slot granted" }).state : ready;
};

test("ARCHITECTURE.md draws every state and event (-u writes it)", async () => {
  const page = readText("ARCHITECTURE.md");
  const marks = /(<!-- transitions: .* -->\n)[\s\S]*(<!-- end of transitions -->)/;
  expect(page).toMatch(marks);
  await expect(page.replace(marks, (_all, start, end) => `${start}\n${drawn()}\n${end}`)).toMatchFileSnapshot(
    "../../../../ARCHITECTURE.md",
  );
});

test("there is a state of each kind, and an event of each", () => {
  const kinds = (all: Readonly<Record<string, { readonly kind: string }>>) =>
    new Set(Object.values(all).map(({ kind }) => kind));
  expect(kinds(states)).toEqual(
    new Set([
      "looking",
      "idle",
      "preparing",
      "awaiting slot",
      "delivering",
      "backing off",
      "stopping",
      "stopped",
    ]),
  );
  expect(kinds(events).size).toBe(18);
});

const underWayNames = Object.keys(states).filter((name) => "inFlight" in states[name]!);
const atRestNames = Object.keys(states).filter((name) => !underWayNames.includes(name));

function drawn(): string {
  return [graph(), table(atRestNames), table(underWayNames)].join("\n");
}

// A cell for each: the state that follows, and what is done. Rows that change nothing are left out, and so is what an empty cell says.
function table(names: readonly string[]): string {
  const head = `| | ${names.join(" | ")} |\n|${"---|".repeat(names.length + 1)}`;
  const rows = Object.entries(events).flatMap(([name, event]) => {
    const cells = names.map((at) => cell(states[at]!, event));
    return cells.every((one) => one === "") ? [] : [`| **${name}** | ${cells.join(" | ")} |`];
  });
  return `${head}\n${rows.join("\n")}\n`;
}

function cell(state: DeliveryState, event: NewEvent): string {
  const next = come(state, event);
  const effects = next.effects.map((effect) =>
    effect.kind === "notify" ? `tell ${effect.notice.kind}` : effect.kind,
  );
  const isChanged = next.state.kind !== state.kind;
  if (!isChanged && next.state === state) return "";
  const to = isChanged ? `→ ${next.state.kind}` : "stays";
  return effects.length > 0 ? `${to}: ${effects.join(", ")}` : to;
}

// Which states follow on which, and by what.
function graph(): string {
  const edges = new Map<string, Set<string>>();
  for (const state of Object.values(states)) {
    for (const event of Object.values(events)) {
      const { kind } = come(state, event).state;
      if (kind === state.kind) continue;
      const edge = `${idOf(state.kind)} --> ${idOf(kind)}`;
      edges.set(edge, (edges.get(edge) ?? new Set()).add(event.kind));
    }
  }
  const lines = [...edges].map(([edge, by]) => `    ${edge}: ${[...by].join(", ")}`);
  return [
    "```mermaid",
    "stateDiagram-v2",
    "    [*] --> looking",
    ...lines,
    "    stopped --> [*]",
    "```",
    "",
  ].join("\n");
}

const idOf = (kind: string): string => kind.replaceAll(" ", "_");

describe("a 503", () => {
  const failed = come(delivering!, verdictOf({ kind: "retry", reason: "503" }));

  test("keeps the parcel's end, gives the slot back, and waits with the reason told", () => {
    expect(failed.state).toMatchObject({
      kind: "backing off",
      untilMonotonicMs: monotonicMs + 250,
      memory: {
        failures: 1,
        isTrusted: false,
        hasSlot: false,
        sizing: { heldLive: 20 },
        checkpoint: {
          line: 10,
          failing: { nextAttemptAt: "2024-05-01T10:00:00.250Z" },
          lastError: { at: "2024-05-01T10:00:00.000Z", message: "503" },
        },
      },
    });
    expect(effectOf(failed, "hold")).toEqual({ kind: "hold", endLine: 20 });
    expect(effectOf(failed, "sleep")).toEqual({ kind: "sleep", ms: 250 });
    expect(effectOf(failed, "record")).toEqual({ kind: "record", within: "moment" });
  });

  test("is tried again as it was, alone, by its turn among those that fail", () => {
    const waiting = come(failed.state, { kind: "time passed" });
    expect(waiting.effects).toEqual([{ kind: "take slot", queue: "failing" }]);
    const looked = through(waiting.state, { kind: "slot granted" });
    expect(looked.kind).toBe("looking");
    const read = come(looked, events["looked: there are lines"]!);
    expect(effectOf(read, "read")).toMatchObject({
      from: placeOf(10),
      throughLine: 20,
      bytesMax: rules.limits.readAheadBytesMax,
    });
    expect(effectOf(come(read.state, { kind: "lines" }), "prepare")).toMatchObject({
      number: 2,
      line: 10,
      isAlone: true,
      bounds: { endLine: 20, isHeld: true, linesMax: Number.MAX_SAFE_INTEGER },
    });
  });

  test("brings longer waits each time, up to 30 s, spread by chance, or as long as it asks for", () => {
    const waitAfter = (failures: number, random: number, afterMs?: number) => {
      const memory = { ...delivering!.memory, failures };
      const verdict = verdictOf({ kind: "retry", reason: "503", ...(afterMs !== undefined && { afterMs }) });
      return effectOf(come({ ...delivering!, memory } as DeliveryState, verdict, { random }), "sleep")!.ms;
    };
    expect([0, 1, 2, 6, 7, 30].map((failures) => waitAfter(failures, 0.5))).toEqual([
      250, 500, 1_000, 16_000, 30_000, 30_000,
    ]);
    expect([waitAfter(2, 0), waitAfter(2, 0.999)]).toEqual([800, 1_200]);
    expect(waitAfter(0, 0.5, 90_000)).toBe(90_000);
    expect(waitAfter(30, 0.5, 10)).toBe(30_000);
  });

  test("of the log is written at once the first time, and within a second after that", () => {
    const once = come(idle!, { kind: "reading failed" });
    expect(effectOf(once, "record")).toEqual({ kind: "record", within: "moment" });
    const again = through(once.state, { kind: "time passed" }, { kind: "slot granted" });
    expect(effectOf(come(again, { kind: "reading failed" }), "record")).toEqual({
      kind: "record",
      within: "second",
    });
  });

  test("is written at once the first time, and within a second while nothing else is news", () => {
    const again = through(failed.state, { kind: "time passed" }, { kind: "slot granted" });
    const trying = sent(through(again, events["looked: there are lines"]!, { kind: "lines" }));
    const second = come(trying, verdictOf({ kind: "retry", reason: "503" }, { number: 2 }));
    expect(effectOf(second, "record")).toEqual({ kind: "record", within: "second" });
    expect(second.state.memory.failures).toBe(2);
    // Another parcel than the one that is known to fail is news.
    const other = sending(cutOf(10, 15), { ...second.state.memory, hasSlot: true });
    expect(effectOf(come(other, verdictOf({ kind: "retry", reason: "503" })), "record")).toEqual({
      kind: "record",
      within: "moment",
    });
  });

  test("of a certificate tells its owner", () => {
    const noticed = come(delivering!, verdictOf({ kind: "retry", reason: "expired", certificate: true }));
    expect(noticesOf(noticed)).toEqual([{ kind: "certificate", reason: "expired" }]);
    expect(noticesOf(failed)).toEqual([]);
  });

  test("that the checkpoint knows of is waited for in the turn of those that fail, by whoever begins", () => {
    const begun = begin(states["backing off"]!.memory.checkpoint, undefined);
    expect(begun.state.kind).toBe("awaiting slot");
    expect(begun.effects).toEqual([{ kind: "take slot", queue: "failing" }]);
  });

  test("is over with the next delivery", () => {
    const { checkpoint } = failed.state.memory;
    const trying = sending(cutOf(10, 20), { failures: 3, isTrusted: false, checkpoint });
    const { state } = come(trying, verdictOf({ kind: "delivered" }));
    expect(state.memory).toMatchObject({ failures: 0, isTrusted: true, sizing: { heldLive: undefined } });
    expect(state.memory.checkpoint).toMatchObject({
      line: 20,
      failing: undefined,
      lastError: { message: "503" },
    });
    // It is well since then, and stays so until it fails.
    const { wellSince, deliveredAt } = state.memory.checkpoint;
    expect([checkpoint.wellSince, wellSince]).toEqual([undefined, deliveredAt]);
    const well = { ...state.memory.checkpoint, wellSince: "2024-01-01T00:00:00.000Z" };
    const later = come(sending(cutOf(20, 30), { checkpoint: well }), verdictOf({ kind: "delivered" }));
    expect(later.state.memory.checkpoint.wellSince).toBe(well.wellSince);
    const again = come(
      sending(cutOf(20, 30), { checkpoint: well }),
      verdictOf({ kind: "retry", reason: "503" }),
    );
    expect(again.state.memory.checkpoint.wellSince).toBeUndefined();
  });
});

describe("a delivery", () => {
  test("moves the cursor and counts each line once", () => {
    const { state } = come(
      sending(cutOf(10, 20, { count: 7, filtered: 3 })),
      verdictOf({ kind: "delivered", rejected: 2, reason: "too long" }),
    );
    expect(state.memory.checkpoint).toMatchObject({
      ...placeOf(20),
      delivered: 15,
      refused: 2,
      filtered: 3,
      lost: 0,
      replayed: 0,
      deliveredAt: "2024-05-01T10:00:00.000Z",
      lastError: { message: "too long" },
    });
    expect(state.memory.checkpoint.rate!.perSecond).toBeCloseTo(5 / 60);
    expect(state.memory.settledAtMs).toBe(nowMs - 500);
  });

  test("tells of lines that were rejected, unless they were notices alone", () => {
    const verdict = verdictOf({ kind: "delivered", rejected: 2, reason: "too long" });
    expect(noticesOf(come(delivering!, verdict))).toEqual([
      { kind: "refused", lines: 2, sinceMs: nowMs - 1_000, reason: "too long" },
    ]);
    expect(noticesOf(come(delivering!, { ...verdict, isNotices: true } as NewEvent))).toEqual([]);
  });

  test("counts no more rejected lines than it had", () => {
    const { state } = come(delivering!, verdictOf({ kind: "delivered", rejected: 99 }));
    expect(state.memory.checkpoint).toMatchObject({ delivered: 10, refused: 10 });
  });

  test("tells once a day that a certificate ends", () => {
    const expiring = verdictOf({ kind: "delivered", expiring: "9 days left" });
    const noticed = come(delivering!, expiring);
    expect(noticesOf(noticed)).toEqual([{ kind: "expiring", reason: "9 days left" }]);
    const later = (ms: number) => {
      const memory = {
        ...delivering!.memory,
        checkpoint: { ...delivering!.memory.checkpoint, expiryToldAtMs: nowMs },
      };
      return noticesOf(come({ ...delivering!, memory } as DeliveryState, expiring, { afterMs: ms })).length;
    };
    expect([later(86_399_999), later(86_400_000)]).toEqual([0, 1]);
  });

  test("rests its slot when nothing else is under way, and not before", () => {
    expect(kindsOf(come(delivering!, verdictOf({ kind: "delivered" })))).toContain("rest");
    expect(kindsOf(come(states["delivering, two"]!, verdictOf({ kind: "delivered" })))).not.toContain("rest");
  });

  test("that comes for a parcel that nobody waits for any more changes nothing", () => {
    const late = verdictOf({ kind: "delivered" }, { number: 7 });
    expect(come(delivering!, late).state).toBe(delivering);
  });

  test("is what a break may bring back, each line once, and a replay's lines never count", () => {
    const back = (state: DeliveryState, cut: CutRange) =>
      come(through(state, verdictOf({ kind: "delivered" })), {
        kind: "connection broke",
        reason: "reset",
      }).state.memory.checkpoint.unconfirmed?.map(({ line, endLine, counted }) => [
        line,
        endLine,
        counted,
        cut.endLine,
      ]);
    const cut = cutOf(10, 20, { count: 7, filtered: 3 });
    const fresh = { recent: nothingRecent };
    expect(back(sending(cut, fresh), cut)).toEqual([[10, 20, 7, 20]]);
    const replayed = { kind: "replay", id: "again", ...placeOf(2), endLine: 10 } as const;
    const ofReplay = {
      ...sending(cutOf(2, 6), { ...fresh, asked: { id: "again", sinceMs: 0 } }),
      range: replayed,
    };
    const inFlight = [{ number: 1, line: 2, stage: "going", cut: cutOf(2, 6), isAlone: false }];
    expect(back({ ...ofReplay, inFlight } as DeliveryState, cut)).toEqual([[2, 6, 0, 20]]);
    const filtered = come(through(states.preparing!, events["prepared: all filtered"]!), {
      kind: "connection broke",
      reason: "reset",
    });
    expect(filtered.state.memory.checkpoint.unconfirmed).toEqual([
      expect.objectContaining({ line: 5, endLine: 10 }),
    ]);
  });

  test("says when its newest line was accepted, which a replay does not", () => {
    const { memory } = come(sending(), verdictOf({ kind: "delivered" })).state;
    expect(memory.settledAtMs).toBe(cutOf(10, 20).finalAcceptedAtMs);
    const range = { kind: "redelivery", ...placeOf(2), endLine: 6, counted: 4 } as const;
    const unconfirmed = [{ ...placeOf(2), endLine: 6, counted: 4 }];
    const checkpoint = { ...memoryAt(10).checkpoint, unconfirmed };
    const inFlight = [{ number: 1, line: 2, stage: "going", cut: cutOf(2, 6), isAlone: false }];
    const again = { ...sending(cutOf(2, 6), { checkpoint }), range, inFlight } as DeliveryState;
    expect(come(again, verdictOf({ kind: "delivered" })).state.memory.settledAtMs).toBeUndefined();
  });

  test("out of turn is a fault of the program", () => {
    const early = verdictOf({ kind: "delivered" }, { number: 2 });
    expect(() => come(states["delivering, two"]!, early)).toThrow("parcels are settled in their order");
  });
});

describe("a parcel that is made", () => {
  const filtered = events["prepared: all filtered"]!;

  test("goes out at once with a slot, and waits for one without", () => {
    const ready = come(states["preparing, slot"]!, events.prepared!);
    expect(ready).toMatchObject({ state: { kind: "delivering" }, effects: [{ kind: "send", number: 1 }] });
    const waiting = come(states.preparing!, events.prepared!);
    expect(waiting).toMatchObject({
      state: { kind: "awaiting slot" },
      effects: [{ kind: "take slot", queue: "well" }],
    });
    const going = come(waiting.state, { kind: "slot granted" });
    expect(going).toMatchObject({
      state: { kind: "delivering", memory: { hasSlot: true } },
      effects: [{ kind: "send", number: 1 }],
    });
    const memory = { ...states.preparing!.memory, failures: 1 };
    const failing = come({ ...states.preparing!, memory } as DeliveryState, events.prepared!);
    expect(failing.effects).toEqual([{ kind: "take slot", queue: "failing" }]);
  });

  test("of lines that are all filtered is none: they are counted, and a drain that fails looks what is left", () => {
    const { state, effects } = come(states["preparing, slot"]!, filtered);
    expect(state).toMatchObject({
      kind: "idle",
      range: { line: 20 },
      memory: { hasSlot: true, checkpoint: { line: 20, delivered: 10, filtered: 10 } },
    });
    expect(effects.map(({ kind }) => kind)).toEqual(["record", "rest"]);
    const memory = { ...states["preparing, slot"]!.memory, failures: 2 };
    const failing = come({ ...states["preparing, slot"]!, memory } as DeliveryState, filtered);
    expect(kindsOf(failing)).toEqual(["record", "look"]);
    const following = come(failing.state, { kind: "looked", end: placeOf(20), isEmpty: false });
    expect(kindsOf(following)).toEqual(["release", "record", "read"]);
    expect(following.state).toMatchObject({
      kind: "idle",
      memory: { hasSlot: false, checkpoint: { line: 20 } },
    });
    expect(following.state.memory.checkpoint.failing).toBeUndefined();
  });

  test("behind others whose lines are all filtered has its place when it is its turn", () => {
    const early = come(states["delivering, sent and preparing"]!, {
      ...filtered,
      number: 2,
      cut: cutOf(20, 30, { count: 0, bytes: 0, filtered: 10 }),
    } as NewEvent);
    expect(early.state).toMatchObject({ kind: "delivering", memory: { checkpoint: { line: 10 } } });
    const more = come(early.state, { kind: "lines" });
    expect(effectOf(more, "prepare")).toMatchObject({ line: 30 });
    const { state, effects } = come(early.state, verdictOf({ kind: "delivered" }));
    expect(state).toMatchObject({
      kind: "idle",
      memory: { checkpoint: { line: 30, delivered: 20, filtered: 10 } },
    });
    expect(effects.map(({ kind }) => kind)).toEqual(["record", "rest"]);
  });

  test("that has to be cut anew is none, alone or behind others", () => {
    expect(come(states.preparing!, events["prepared: to be cut anew"]!).state).toMatchObject({
      kind: "idle",
      range: { line: 10 },
    });
    const following = come(states["delivering, sent and preparing"]!, {
      ...events["prepared: to be cut anew"]!,
      number: 2,
    } as NewEvent);
    expect(following.state).toMatchObject({ kind: "delivering", inFlight: [{ number: 1 }] });
  });

  test("that nobody waits for any more changes nothing", () => {
    for (const name of ["preparing", "delivering, sent", "delivering, sent and preparing"])
      expect(come(states[name]!, { ...events.prepared!, number: 7 } as NewEvent).state).toBe(states[name]);
  });

  test("while others are settled is prepared on, and its slot may be asked for then", () => {
    const { state, effects } = come(
      states["delivering, sent and preparing"]!,
      verdictOf({ kind: "delivered" }),
    );
    expect(state).toMatchObject({
      kind: "preparing",
      range: { line: 20 },
      flight: { number: 2 },
      memory: { hasSlot: true },
    });
    expect(effects.map(({ kind }) => kind)).toEqual(["record", "rest"]);
    expect(come(state, { kind: "slot wanted" }).state.memory.hasSlot).toBe(false);
  });

  test("is not sent any more after a stop", () => {
    const { state } = come(states["delivering, sent and preparing"]!, { kind: "stop" });
    expect(state).toMatchObject({ kind: "stopping", inFlight: [{ number: 1 }] });
  });

  test("and is long in making, for the owner's patterns, keeps no slot, and its owner is told", () => {
    const { state, effects } = come(states["preparing, slot"]!, events["held up by patterns"]!);
    expect(state.memory).toMatchObject({
      hasSlot: false,
      checkpoint: { lastError: { message: "patterns" } },
    });
    expect(state.memory.checkpoint.failing).toBeUndefined();
    expect(effects).toEqual([{ kind: "record", within: "second" }, { kind: "release" }]);
    expect(come(states.preparing!, events["held up by patterns"]!).effects).toHaveLength(1);
    const following = come(states["delivering, sent and preparing"]!, events["held up by patterns"]!);
    expect(following.state.memory).toMatchObject({
      hasSlot: true,
      checkpoint: { lastError: { message: "patterns" } },
    });
  });
});

describe("when others need the memory", () => {
  const wanted = events["memory wanted"]!;

  test("a parcel with the sink is given up, and the sink's verdict decides", () => {
    const { state, effects } = come(sending(), wanted);
    expect(effects).toEqual([{ kind: "give up", ms: 1_200 }]);
    expect(state).toEqual(sending());
    const after = come(state, verdictOf({ kind: "retry", reason: "read too slowly", slow: true }));
    expect(after.state).toMatchObject({ kind: "backing off", memory: { isTrusted: false } });
    expect(kindsOf(after)).toContain("let go");
  });

  test("one that waits for its turn is forgotten, keeps its turn, and is read again then", () => {
    const { state, effects } = come(states["awaiting slot"]!, wanted);
    expect(effects).toEqual([{ kind: "let go" }]);
    expect(state).toMatchObject({ kind: "awaiting slot", ready: undefined, memory: { failures: 0 } });
    expect(kindsOf(come(state, { kind: "slot granted" }))).toEqual(["look"]);
  });

  test("one that is long in making is made again later, of fewer lines; nobody is told of a failure", () => {
    const { state, effects } = come(states.preparing!, wanted);
    expect(effects.map(({ kind }) => kind)).toEqual(["let go", "release", "sleep"]);
    expect(state).toMatchObject({ kind: "backing off", memory: { failures: 1 } });
    expect(state.memory.checkpoint.failing).toBeUndefined();
  });

  test("what is sent holds nothing", () => {
    for (const name of [
      "delivering, sent",
      "delivering, sent and preparing",
      "looking",
      "idle",
      "backing off",
    ])
      expect(come(states[name]!, wanted).effects, name).toEqual([]);
  });
});

describe("over a protocol without answers", () => {
  const two = states["delivering, two"]!;

  test("the next lines go out behind those that are sent", () => {
    const more = come(states["delivering, sent"]!, { kind: "lines" });
    expect(more.state).toMatchObject({
      kind: "delivering",
      inFlight: [{ number: 1 }, { number: 2, line: 20 }],
    });
    expect(effectOf(more, "prepare")).toMatchObject({ number: 2, line: 20, isAlone: false });
    const gone = come(more.state, { kind: "prepared", number: 2, cut: cutOf(20, 30), outcome: "ready" });
    expect(gone.effects).toEqual([{ kind: "send", number: 2 }]);
  });

  test("not before the one before is on its way, nor while the drain is not proven, held or refused", () => {
    const sent = states["delivering, sent"] as Extract<DeliveryState, { kind: "delivering" }>;
    const withMemory = (rest: Partial<Memory>) => ({ ...sent, memory: { ...sent.memory, ...rest } });
    const { sizing } = sent.memory;
    for (const state of [
      delivering!,
      two,
      withMemory({ isTrusted: false }),
      withMemory({ sizing: { ...sizing, heldLive: 20 } }),
      withMemory({ sizing: { ...sizing, suspectEnds: [30] } }),
      { ...sent, broke: "reset" },
    ])
      expect(kindsOf(come(state, { kind: "lines" }))).toEqual([]);
  });

  test("as far as the bounds go, in parcels, lines and bytes", () => {
    const sendable = (bound: Partial<typeof rules.limits>) => {
      const bounded = { ...rules, limits: { ...rules.limits, ...bound } };
      return step(states["delivering, sent"]!, eventOf({ kind: "lines" }), bounded).effects.length;
    };
    expect(sendable({ unsettledParcelsMax: 1 })).toBe(0);
    expect(sendable({ unsettledParcelsMax: 2 })).toBe(1);
    expect(sendable({ unsettledLinesMax: 10 })).toBe(0);
    expect(sendable({ unsettledLinesMax: 11 })).toBe(1);
    expect(sendable({ unsettledBytesMax: 1_000 })).toBe(0);
    expect(sendable({ unsettledBytesMax: 1_001 })).toBe(1);
  });

  test("the cursor follows what is settled, parcel by parcel", () => {
    const { state } = come(two, verdictOf({ kind: "delivered" }));
    expect(state).toMatchObject({ kind: "delivering", inFlight: [{ number: 2 }], range: { line: 20 } });
    expect(state.memory.checkpoint).toMatchObject({ line: 20, delivered: 20 });
  });

  test("a failure takes all that follow back with it, under the first one's end", () => {
    const { state } = come(two, verdictOf({ kind: "retry", reason: "reset" }));
    expect(state).toMatchObject({
      kind: "backing off",
      memory: { sizing: { heldLive: 20 }, checkpoint: { line: 10 } },
    });
  });

  test("a connection that had grown old costs no wait: what was on it is read and sent again", () => {
    const again = come(two, verdictOf({ kind: "retry", reason: "grown old", stale: true }));
    expect(kindsOf(again)).toEqual(["renew", "look"]);
    expect(again.state).toMatchObject({
      kind: "looking",
      memory: { failures: 0, hasSlot: true, isTrusted: true },
    });
    expect(again.state.memory.checkpoint.lastError).toBeUndefined();
  });
});

describe("a connection that breaks", () => {
  const broke: NewEvent = { kind: "connection broke", reason: "reset" };
  const unconfirmed = [{ ...placeOf(5), endLine: 10, counted: 5 }];

  test("brings back what was delivered lately, before anything else, after a wait", () => {
    const { state } = come(idle!, broke);
    expect(state).toMatchObject({
      kind: "backing off",
      memory: {
        breaks: { count: 1, monotonicMs },
        checkpoint: { unconfirmed, failing: {}, lastError: { message: "reset" } },
      },
    });
    const next = through(state, { kind: "time passed" }, { kind: "slot granted" });
    expect(next).toMatchObject({ kind: "looking", choice: { kind: "redelivery", line: 5, endLine: 10 } });
  });

  test("that nothing was delivered over lately brings nothing back", () => {
    const calm = { ...idle!, memory: memoryAt(10, { hasSlot: true }) } as DeliveryState;
    expect(come(calm, broke)).toEqual({ state: calm, effects: [] });
  });

  /** What is reported as delivered after the break went over that connection, too. */
  const withThatOne = [{ ...placeOf(5), endLine: 20, counted: 15 }];

  test("amid a delivery waits for that one's verdict, and says why it failed in that one's words", () => {
    const pending = come(states["delivering, two"]!, broke);
    expect(pending.state).toMatchObject({
      kind: "delivering",
      broke: "reset",
      memory: { checkpoint: { unconfirmed } },
    });
    const failed = come(pending.state, verdictOf({ kind: "retry", reason: "while it was sent" }));
    expect(failed.state.memory.checkpoint.lastError!.message).toBe("while it was sent");
    const delivered = come(pending.state, verdictOf({ kind: "delivered" }));
    expect(delivered.state).toMatchObject({
      kind: "backing off",
      memory: { checkpoint: { line: 20, unconfirmed: withThatOne } },
    });
    expect(delivered.state.memory.checkpoint.lastError!.message).toBe("reset");
  });

  test("again and again waits longer, as one that breaks for the first time after two minutes", () => {
    const wait = (count: number, agoMs: number) => {
      const memory = { ...idle!.memory, breaks: { count, monotonicMs: monotonicMs - agoMs } };
      return effectOf(come({ ...idle!, memory } as DeliveryState, broke), "sleep")!.ms;
    };
    expect([wait(0, 1), wait(1, 1), wait(4, 120_000), wait(4, 120_001)]).toEqual([250, 500, 4_000, 250]);
  });

  test("while the drain waits already makes it wait as long as either asks for", () => {
    const waiting = states["backing off"]!;
    const soon = come(waiting, broke);
    expect(soon.state).toMatchObject({
      untilMonotonicMs: monotonicMs + 250,
      memory: { checkpoint: { unconfirmed } },
    });
    const often = {
      ...waiting,
      memory: { ...waiting.memory, breaks: { count: 5, monotonicMs: monotonicMs - 1 } },
    } as DeliveryState;
    const late = come(often, broke);
    expect(late.state).toMatchObject({ untilMonotonicMs: monotonicMs + 8_000 });
    expect(effectOf(late, "sleep")!.ms).toBe(8_000);
    expect(late.state.memory.checkpoint.failing).toEqual({
      nextAttemptAt: new Date(nowMs + 8_000).toISOString(),
    });
    const long = { ...waiting, untilMonotonicMs: monotonicMs + 20_000 } as DeliveryState;
    expect(effectOf(come(long, broke), "sleep")!.ms).toBe(20_000);
  });

  test("brings the same lines back once", () => {
    for (const state of [idle!, states["backing off"]!, delivering!, states.stopped!]) {
      const once = come(state, { kind: "connection broke", reason: "reset" });
      expect(once.state.memory.checkpoint.unconfirmed).toHaveLength(1);
      expect(come(once.state, { kind: "connection broke", reason: "reset" })).toEqual({
        state: once.state,
        effects: [],
      });
    }
  });

  test("amid a delivery makes the drain wait for as long as its breaks ask for, whatever that one comes to", () => {
    const breaks = { count: 5, monotonicMs };
    const broken = through(sending(cutOf(10, 20), { breaks }), { kind: "connection broke", reason: "reset" });
    const idleOnce = come(
      { ...idle!, memory: { ...idle!.memory, breaks } },
      { kind: "connection broke", reason: "" },
    );
    const waited = effectOf(idleOnce, "sleep")!.ms;
    expect(waited).toBeGreaterThan(2_000);
    expect(effectOf(come(broken, verdictOf({ kind: "delivered" })), "sleep")!.ms).toBe(waited);
    const later = verdictOf({ kind: "retry", reason: "429", afterMs: waited + 1 });
    expect(effectOf(come(broken, later), "sleep")!.ms).toBe(waited + 1);
  });

  test("while it is closed is remembered", () => {
    expect(come(states.stopped!, broke).state.memory.checkpoint.unconfirmed).toEqual(unconfirmed);
    const ended = through(come(stopping!, broke).state, verdictOf({ kind: "delivered" }));
    expect(ended).toMatchObject({
      kind: "stopped",
      memory: { checkpoint: { line: 20, unconfirmed: withThatOne, failing: {} } },
    });
  });

  test("is made good line by line, in `replayed` alone", () => {
    const range = { kind: "redelivery", ...placeOf(5), endLine: 10, counted: 5 } as const;
    const memory = memoryAt(10, { hasSlot: true, checkpoint: { ...memoryAt(10).checkpoint, unconfirmed } });
    const of = (cut: CutRange): DeliveryState => ({
      kind: "delivering",
      memory,
      range,
      inFlight: [{ number: 1, line: 5, stage: "going", cut, isAlone: false }],
      broke: undefined,
    });
    const part = come(of(cutOf(5, 8)), verdictOf({ kind: "delivered" }));
    expect(part.state).toMatchObject({ kind: "idle", range: { kind: "redelivery", line: 8, counted: 2 } });
    expect(part.state.memory.checkpoint).toMatchObject({
      line: 10,
      delivered: 10,
      replayed: 3,
      unconfirmed: [{ line: 8, endLine: 10, counted: 2 }],
    });
    const whole = come(of(cutOf(5, 10)), verdictOf({ kind: "delivered" }));
    expect(whole.state).toMatchObject({ kind: "looking", choice: { kind: "live", line: 10 } });
    expect(whole.state.memory.checkpoint.unconfirmed).toBeUndefined();
    const gone = come({ kind: "idle", memory, range }, { kind: "lines lost", place: placeOf(8) });
    expect(gone.state.memory.checkpoint).toMatchObject({
      delivered: 7,
      lost: 3,
      unconfirmed: [{ line: 8, counted: 2 }],
    });
    expect(noticesOf(gone)).toMatchObject([{ kind: "lost", lines: 3 }]);
  });
});

describe("a drain that fails", () => {
  const causeAfter = (state: DeliveryState, event: NewEvent) =>
    come(state, event).state.memory.checkpoint.failing?.cause;

  test("tells the cause of its last failure; without a word of the sink it is another", () => {
    expect(causeAfter(delivering!, verdictOf({ kind: "retry", reason: "late", cause: "timeout" }))).toBe(
      "timeout",
    );
    expect(causeAfter(delivering!, verdictOf({ kind: "retry", reason: "503" }))).toBe("other");
    expect(causeAfter(idle!, { kind: "connection broke", reason: "reset" })).toBe("connection");
    expect(causeAfter(looking!, { kind: "reading failed" })).toBe("other");
  });

  test("gives its slot back when nothing is under way, as lines may be long in coming; one that is well keeps it", () => {
    const tooLarge = verdictOf({ kind: "split", reason: "413" });
    const passing = (failures: number): Step =>
      come(sending(cutOf(10, 11), { failures, skippedInRow: 9 }), tooLarge);
    expect(kindsOf(passing(1))).toContain("release");
    expect(kindsOf(passing(1))).not.toContain("rest");
    expect(passing(1).state.memory.hasSlot).toBe(false);
    expect(kindsOf(passing(0))).toContain("rest");
    expect(passing(0).state.memory.hasSlot).toBe(true);
  });
});

describe("the end of a parcel that another node may have to send", () => {
  const ranges = {
    replay: { kind: "replay", id: "again", ...placeOf(2), endLine: 10 },
    redelivery: { kind: "redelivery", ...placeOf(2), endLine: 10, counted: 8 },
  } as const;
  const verdicts = [
    { kind: "retry", reason: "503" },
    { kind: "split", reason: "413" },
    { kind: "refused", reason: "400" },
  ] as const;

  test.each(verdicts)("is held or void after a $kind of live lines", (verdict) => {
    const kinds = kindsOf(come(delivering!, verdictOf(verdict)));
    expect(kinds).toContain(verdict.kind === "retry" ? "hold" : "unhold");
  });

  test.each(verdicts)("stays as it is after a $kind of lines that are sent once more", (verdict) => {
    for (const range of Object.values(ranges)) {
      const inFlight = [{ number: 1, line: 2, stage: "going", cut: cutOf(2, 10), isAlone: false }] as const;
      const state = { ...delivering!, range, inFlight } as DeliveryState;
      const kinds = kindsOf(come(state, verdictOf(verdict)));
      expect(kinds).not.toContain("hold");
      expect(kinds).not.toContain("unhold");
    }
  });
});

describe("a parcel that is too large", () => {
  test("is sent in halves at once, and later ones are as small for ten minutes", () => {
    const { state, effects } = come(delivering!, verdictOf({ kind: "split", reason: "413" }));
    expect(state).toMatchObject({
      kind: "idle",
      memory: { failures: 0, sizing: { split: { bytesMax: 500, untilMonotonicMs: monotonicMs + 600_000 } } },
    });
    expect(effects[0]).toEqual({ kind: "unhold" });
    const bytesMax = (ms: number) =>
      effectOf(come(state, { kind: "lines" }, { afterMs: ms }), "prepare")!.bounds.bytesMax;
    expect([bytesMax(0), bytesMax(599_999), bytesMax(600_000)]).toEqual([
      500,
      500,
      rules.limits.parcelBytesMax,
    ]);
  });

  test("of one line is refused", () => {
    const { state } = come(sending(cutOf(10, 11)), verdictOf({ kind: "split", reason: "413" }));
    expect(state.memory.checkpoint).toMatchObject({ line: 11, refused: 1, lastError: { message: "413" } });
  });

  test("for its time is so the second time only, and only if it is not small", () => {
    const { sizing } = delivering!.memory;
    const slow = (slowTries: number, bytes: number, count = 10) => {
      const trying = sending(cutOf(10, 20, { bytes, count }), { sizing: { ...sizing, slowTries } });
      return come(trying, verdictOf({ kind: "retry", reason: "slow", slow: true })).state.memory.sizing;
    };
    expect(slow(0, 50_000)).toMatchObject({ slowTries: 1, heldLive: 20, split: undefined });
    expect(slow(1, 50_000)).toMatchObject({ slowTries: 0, heldLive: undefined, split: { bytesMax: 25_000 } });
    expect(slow(1, 16_384)).toMatchObject({ slowTries: 2, heldLive: 20, split: undefined });
    expect(slow(1, 50_000, 1)).toMatchObject({ heldLive: 20, split: undefined });
    const once = sending(cutOf(10, 20), { sizing: { ...sizing, slowTries: 1 } });
    const other = come(once, verdictOf({ kind: "retry", reason: "503" }));
    expect(other.state.memory.sizing.slowTries).toBe(0);
  });
});

describe("a line that is refused", () => {
  const refused = verdictOf({ kind: "refused", reason: "400" });
  const oneWith = (memory: Partial<Memory>) => sending(cutOf(10, 11), memory);

  test("is looked for by halves, at once", () => {
    const once = come(delivering!, refused);
    expect(once.state).toMatchObject({
      kind: "idle",
      memory: { failures: 0, sizing: { suspectEnds: [20, 15] } },
    });
    const half = come(once.state, { kind: "lines" });
    expect(effectOf(half, "prepare")!.bounds.endLine).toBe(15);
    const twice = come(sent(half.state, cutOf(10, 15)), { ...refused, number: 2 } as NewEvent);
    expect(twice.state.memory.sizing.suspectEnds).toEqual([20, 15, 12]);
  });

  test("alone is tried three times, as it was, with waits", () => {
    const tries = [0, 1, 2].map((refusals) => {
      const sizing = { ...delivering!.memory.sizing, refusals, suspectEnds: [20, 11] };
      return come(oneWith({ sizing, failures: refusals }), refused);
    });
    expect(tries.map(({ state }) => state.kind)).toEqual(["backing off", "backing off", "idle"]);
    expect(tries.map((tried) => effectOf(tried, "sleep")?.ms)).toEqual([250, 500, undefined]);
    expect(tries.map(({ state }) => state.memory.sizing.refusals)).toEqual([1, 2, 0]);
    expect(tries[1]!.state.memory).toMatchObject({ sizing: { heldLive: 11, suspectEnds: [20, 11] } });
    expect(tries[2]!.state.memory).toMatchObject({
      failures: 0,
      skippedInRow: 1,
      sizing: { heldLive: undefined, suspectEnds: [20] },
      checkpoint: { line: 11, delivered: 10, refused: 1, failing: undefined, lastError: { message: "400" } },
    });
    expect(noticesOf(tries[2]!)).toEqual([
      { kind: "refused", lines: 1, sinceMs: nowMs - 1_000, reason: "400" },
    ]);
  });

  test("alone for the first time is news for whoever runs the drain next, though it failed before", () => {
    const { checkpoint } = states["backing off"]!.memory;
    const written = [0, 1].map((refusals) => {
      const sizing = { ...delivering!.memory.sizing, refusals };
      return effectOf(come(oneWith({ sizing, checkpoint, failures: 2 }), refused), "record")!.within;
    });
    expect(written).toEqual(["moment", "second"]);
  });

  test("like the nine before it makes the drain wait as for one that is down, and says so", () => {
    const sizing = { ...delivering!.memory.sizing, refusals: 2 };
    const skip = (skippedInRow: number) => come(oneWith({ sizing, skippedInRow, failures: 5 }), refused);
    expect(skip(8).state.memory.failures).toBe(0);
    expect(skip(9).state.memory.failures).toBe(5);
    expect(skip(9).state.memory.checkpoint.lastError!.message).toBe(
      "it refused the last 10 lines, each alone: 400",
    );
    const waiting = come(oneWith({ skippedInRow: 10, failures: 5 }), refused);
    expect(effectOf(waiting, "sleep")!.ms).toBe(8_000);
    expect(waiting.state.memory.checkpoint.lastError!.message).toBe(
      "it refused the last 10 lines, each alone: 400",
    );
    const well = come(oneWith({ skippedInRow: 10, failures: 5 }), verdictOf({ kind: "delivered" }));
    expect(well.state.memory).toMatchObject({ skippedInRow: 0, failures: 0 });
  });
});

describe("what comes next", () => {
  const unconfirmed = [{ ...placeOf(5), endLine: 10, counted: 5 }];
  const asked = { id: "again", sinceMs: 123 };
  const chosen = (checkpoint: Partial<DrainCheckpoint>, isAsked = true) =>
    (begin({ ...memoryAt(10).checkpoint, ...checkpoint }, isAsked ? asked : undefined)
      .state as typeof looking & {
      choice: unknown;
    })!.choice;

  test("is what is unconfirmed, then a replay, then live lines", () => {
    expect(chosen({ unconfirmed })).toMatchObject({ kind: "redelivery", line: 5 });
    expect(chosen({})).toEqual({
      kind: "replay",
      id: "again",
      from: { kind: "since", timeMs: 123 },
      endLine: 10,
    });
    expect(chosen({ replay: { id: "again", position: placeOf(3).position } })).toMatchObject({
      from: { kind: "after", position: placeOf(3).position },
    });
    expect(chosen({ replay: { id: "again" } })).toMatchObject({ kind: "live", line: 10 });
    expect(chosen({ replay: { id: "earlier", position: placeOf(3).position } })).toMatchObject({
      from: { kind: "since" },
    });
    expect(chosen({}, false)).toMatchObject({ kind: "live", line: 10 });
  });

  test("is looked at again when it changed meanwhile", () => {
    const changed = through(looking!, { kind: "replay asked", asked });
    expect(come(changed, events["looked: there are lines"]!).state).toMatchObject({
      kind: "looking",
      choice: { kind: "replay" },
    });
    const delivered = come(
      through(delivering!, { kind: "replay asked", asked }),
      verdictOf({ kind: "delivered" }),
    );
    expect(delivered.state).toMatchObject({ kind: "looking", choice: { kind: "replay", endLine: 20 } });
  });

  test("of a replay whose lines are gone, or that has none, is over", () => {
    const replaying = begin(memoryAt(10).checkpoint, asked).state;
    const done = come(replaying, events["looked: there are lines"]!);
    expect(done.state).toMatchObject({
      kind: "looking",
      choice: { kind: "live" },
      memory: { checkpoint: { replay: { id: "again" } } },
    });
    const found = come(replaying, { kind: "looked", end: placeOf(30), isEmpty: false, start: placeOf(4) });
    expect(found.state).toMatchObject({ kind: "idle", range: { kind: "replay", line: 4, endLine: 10 } });
    const replayed = sent(through(found.state, { kind: "lines" }), cutOf(4, 7));
    const part = come(replayed, verdictOf({ kind: "delivered" }));
    expect(part.state.memory.checkpoint).toMatchObject({
      line: 10,
      delivered: 10,
      replayed: 3,
      replay: { id: "again", position: placeOf(7).position },
    });
    const gone = come(found.state, { kind: "lines lost", place: placeOf(12) });
    expect(gone.state).toMatchObject({ kind: "looking", memory: { checkpoint: { line: 10, lost: 0 } } });
    // Retention took the parcel that was to be sent again as it was: the rest is cut anew.
    const sizing = { ...replaying.memory.sizing, heldReplay: { id: "again", endLine: 4 } };
    const held = { ...replaying, memory: { ...replaying.memory, sizing } };
    const cutAnew = come(held, { kind: "looked", end: placeOf(30), isEmpty: false, start: placeOf(4) });
    expect(cutAnew.state.memory.sizing.heldReplay).toBeUndefined();
  });

  test("of what failed and is gone is nothing: it is idle, and waits for no other try", () => {
    const memory = { ...states["awaiting slot, failing"]!.memory, hasSlot: true };
    const gone = come({ ...looking!, memory } as DeliveryState, {
      kind: "looked",
      end: placeOf(30),
      isEmpty: true,
    });
    expect(gone.state).toMatchObject({
      kind: "idle",
      memory: { hasSlot: false, failures: 1, checkpoint: { line: 30, lost: 20, failing: undefined } },
    });
    expect(kindsOf(gone)).toContain("release");
    const left = come({ ...looking!, memory } as DeliveryState, events["looked: there are lines"]!);
    expect(left.state.memory).toMatchObject({ hasSlot: true, checkpoint: { failing: {} } });
  });

  test("of a drain that failed is a small parcel, alone; of any other, also of one that did not deliver yet, a whole one", () => {
    const first = memoryAt(10).checkpoint;
    const sizeOf = (checkpoint: DrainCheckpoint) => {
      const { state } = begin(checkpoint, undefined);
      const idle = through(state, { kind: "slot granted" }, events["looked: there are lines"]!);
      const { bounds, isAlone } = effectOf(come(idle, { kind: "lines" }), "prepare")!;
      return [bounds.bytesMax, isAlone];
    };
    const { probeBytesMax, parcelBytesMax } = rules.limits;
    expect(sizeOf(first)).toEqual([parcelBytesMax, false]);
    expect(sizeOf({ ...first, failing: { nextAttemptAt: "2024-05-01T09:00:00.000Z" } })).toEqual([
      probeBytesMax,
      true,
    ]);
  });

  test("of a parcel that another node may have sent ends where that ended", () => {
    const { state } = begin({ ...firstCheckpoint({ start: placeOf(0) }), parcelEnd: 12 }, undefined);
    expect(state.memory.sizing.heldLive).toBe(12);
    const passed = begin({ ...memoryAt(12).checkpoint, parcelEnd: 12 }, undefined);
    expect(passed.state.memory.sizing.heldLive).toBeUndefined();
  });
});

describe("lines that retention took", () => {
  test("are counted to the line, and told", () => {
    const { state, effects } = come(idle!, { kind: "lines lost", place: placeOf(15) });
    expect(state.memory.checkpoint).toMatchObject({ ...placeOf(15), delivered: 10, lost: 5 });
    expect(effects).toContainEqual({
      kind: "notify",
      notice: { kind: "lost", lines: 5, sinceMs: rules.createdAtMs },
    });
  });

  test("after a break took them are lost, though they were delivered when others were lost", () => {
    const others = come(idle!, { kind: "lines lost", place: placeOf(15) }).state;
    const broke = through(
      others,
      { kind: "connection broke", reason: "reset" },
      { kind: "time passed" },
      { kind: "slot granted" },
    );
    expect(broke).toMatchObject({ kind: "looking", choice: { kind: "redelivery", line: 5, endLine: 10 } });
    const { state, effects } = come(broke, { kind: "looked", end: placeOf(30), isEmpty: true });
    expect(state.memory.checkpoint).toMatchObject({
      line: 15,
      delivered: 5,
      lost: 10,
      unconfirmed: undefined,
    });
    expect(effects).toContainEqual({
      kind: "notify",
      notice: expect.objectContaining({ kind: "lost", lines: 5 }),
    });
  });

  test("are told since the last line that was settled", () => {
    const since = (memory: Partial<Memory>) =>
      noticesOf(
        come({ ...idle!, memory: { ...idle!.memory, ...memory } } as DeliveryState, {
          kind: "lines lost",
          place: placeOf(15),
        }),
      )[0];
    expect(since({ settledAtMs: 77 })).toMatchObject({ sinceMs: 77 });
    const deliveredAt = "2024-05-01T09:30:00.000Z";
    expect(since({ checkpoint: { ...memoryAt(10).checkpoint, deliveredAt } })).toMatchObject({
      sinceMs: Date.parse(deliveredAt),
    });
  });

  test("of all that is unconfirmed are lost at the look, up to the cursor and no further", () => {
    const unconfirmed = [{ ...placeOf(5), endLine: 10, counted: 4 }];
    const { state } = begin({ ...memoryAt(10).checkpoint, unconfirmed }, undefined);
    const gone = come(state, { kind: "looked", end: placeOf(30), isEmpty: true });
    expect(gone.state).toMatchObject({
      kind: "looking",
      choice: { kind: "live" },
      memory: { checkpoint: { line: 10, delivered: 6, lost: 4, unconfirmed: undefined } },
    });
    expect(noticesOf(gone)).toMatchObject([{ kind: "lost", lines: 4 }]);
  });

  test("and were refused or filtered before are told of no more", () => {
    const unconfirmed = [{ ...placeOf(5), endLine: 10, counted: 0 }];
    const { state } = begin({ ...memoryAt(10).checkpoint, unconfirmed }, undefined);
    expect(noticesOf(come(state, { kind: "looked", end: placeOf(30), isEmpty: true }))).toEqual([]);
  });
});

describe("a log that was replaced", () => {
  const replaced: NewEvent = { kind: "log replaced", place: placeOf(3) };

  test("is followed from its oldest line; the ledger counts on, and the owner is told why", () => {
    const { state, effects } = come(idle!, replaced);
    expect(state).toMatchObject({ kind: "looking", choice: { kind: "live", line: 3 } });
    expect(state.memory.checkpoint).toMatchObject({
      ...placeOf(3),
      startLine: -7,
      delivered: 10,
      lost: 0,
      lastError: { message: expect.stringContaining("the app's log is not the one") },
    });
    expect(effects[0]).toEqual({ kind: "unhold" });
    expect(come(state, { kind: "connection broke", reason: "reset" }).effects).toEqual([]);
  });

  test("has nothing of what was to be sent once more", () => {
    const held = { ...idle!.memory.sizing, heldLive: 12 };
    const checkpoint = {
      ...memoryAt(10).checkpoint,
      unconfirmed: [{ ...placeOf(5), endLine: 10, counted: 5 }],
    };
    const range = { kind: "redelivery", ...checkpoint.unconfirmed[0]! } as const;
    const { state } = come(
      { kind: "idle", memory: memoryAt(10, { checkpoint, sizing: held }), range },
      replaced,
    );
    expect(state).toMatchObject({
      kind: "looking",
      choice: { kind: "live", line: 10 },
      memory: { sizing: { heldLive: undefined }, checkpoint: { unconfirmed: undefined, lost: 0 } },
    });
  });
});

test("a state that is not sound is a fault of the program", () => {
  const { checkpoint } = idle!.memory;
  const unsound: readonly Partial<Memory>[] = [
    { checkpoint: { ...checkpoint, delivered: 9 } },
    { checkpoint: { ...checkpoint, unconfirmed: [{ ...placeOf(5), endLine: 11, counted: 1 }] } },
    { checkpoint: { ...checkpoint, unconfirmed: [{ ...placeOf(5), endLine: 7, counted: 3 }] } },
    { sizing: { ...idle!.memory.sizing, heldLive: 10 } },
    { sizing: { ...idle!.memory.sizing, suspectEnds: [10] } },
  ];
  for (const memory of unsound)
    expect(() => come({ ...idle!, memory: { ...idle!.memory, ...memory } }, { kind: "time passed" })).toThrow(
      AssertionError,
    );
  const withSlot = { ...states["backing off"]!, memory: { ...states["backing off"]!.memory, hasSlot: true } };
  expect(() => come(withSlot, { kind: "slot wanted" })).toThrow("no slot while backing off");
});

describe("a stop", () => {
  test("waits for what is under way, counts it, and begins nothing more", () => {
    const waiting = come(states["delivering, two"]!, { kind: "stop" });
    expect(waiting.effects).toEqual([{ kind: "let go" }]);
    expect(come(waiting.state, { kind: "lines" }).effects).toEqual([]);
    const one = come(waiting.state, verdictOf({ kind: "delivered" }));
    expect(one.state.kind).toBe("stopping");
    const ended = come(one.state, {
      ...verdictOf({ kind: "delivered" }),
      number: 2,
    } as NewEvent);
    expect(ended.state).toMatchObject({
      kind: "stopped",
      memory: { hasSlot: false, checkpoint: { line: 30 } },
    });
    expect(kindsOf(ended).slice(-3)).toEqual(["let go", "release", "end"]);
  });

  test("amid a failure keeps what is known of it, and does not sleep", () => {
    const failed = come(stopping!, verdictOf({ kind: "retry", reason: "503" }));
    expect(failed.state).toMatchObject({
      kind: "stopped",
      memory: { checkpoint: { failing: {}, lastError: { message: "503" } } },
    });
    expect(kindsOf(failed)).not.toContain("sleep");
    expect(kindsOf(failed)).toContain("record");
  });

  test("that is over hears nothing more", () => {
    for (const event of Object.values(events)) {
      if (event.kind === "connection broke") continue;
      expect(come(states.stopped!, event)).toEqual({ state: states.stopped, effects: [] });
    }
  });
});
