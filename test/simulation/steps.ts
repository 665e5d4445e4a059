/** What happens to a simulated world, as data: fast-check makes schedules of it, and shortens one that fails. */
import fc from "fast-check";
import { type Mood, moods } from "./destination.ts";

/** Drains, nodes and channels are counted modulo how many there are. */
export type Step =
  | { readonly kind: "lines"; readonly channel: number; readonly count: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "mood"; readonly drain: number; readonly mood: Mood }
  /** Its connection breaks, if it has one whose protocol has no answers. */
  | { readonly kind: "break" | "pause" | "resume" | "remove"; readonly drain: number }
  | { readonly kind: "replay"; readonly drain: number; readonly agoMs: number }
  | { readonly kind: "add"; readonly channel: number }
  | { readonly kind: "start" }
  /** The process is stopped in order, and the next one starts. */
  | { readonly kind: "restart" }
  /** A node that is killed; of the only one there is the next one starts at once. */
  | { readonly kind: "crash" | "stop" | "freeze" | "heal"; readonly node: number }
  | { readonly kind: "cut off"; readonly node: number; readonly fromLog: boolean };

type StepKind = Step["kind"];

export type ScheduleOptions = {
  /** How often each kind is met, against the others; the others never. */
  readonly odds: Partial<Record<StepKind, number>>;
  readonly moods?: readonly Mood[];
  readonly passMs?: fc.Arbitrary<number>;
  readonly lengths?: { readonly minLength: number; readonly maxLength: number };
};

const index = fc.nat(999);

export function schedule({
  odds,
  moods: among = moods,
  passMs = fc.integer({ min: 1, max: 1_500 }),
  lengths = { minLength: 5, maxLength: 40 },
}: ScheduleOptions): fc.Arbitrary<Step[]> {
  const one = <Kind extends StepKind>(kind: Kind) => fc.constant(kind);
  const ofDrain = (kind: "break" | "pause" | "resume" | "remove") =>
    fc.record({ kind: one(kind), drain: index });
  const ofNode = (kind: "crash" | "stop" | "freeze" | "heal") => fc.record({ kind: one(kind), node: index });
  const steps: { readonly [Kind in StepKind]: fc.Arbitrary<Step> } = {
    lines: fc.record({ kind: one("lines"), channel: index, count: fc.integer({ min: 1, max: 12 }) }),
    pass: fc.record({ kind: one("pass"), ms: passMs }),
    mood: fc.record({ kind: one("mood"), drain: index, mood: fc.constantFrom(...among) }),
    break: ofDrain("break"),
    pause: ofDrain("pause"),
    resume: ofDrain("resume"),
    remove: ofDrain("remove"),
    replay: fc.record({ kind: one("replay"), drain: index, agoMs: fc.integer({ min: 1, max: 100_000 }) }),
    add: fc.record({ kind: one("add"), channel: index }),
    start: fc.constant({ kind: "start" }),
    restart: fc.constant({ kind: "restart" }),
    crash: ofNode("crash"),
    stop: ofNode("stop"),
    freeze: ofNode("freeze"),
    heal: ofNode("heal"),
    "cut off": fc.record({ kind: one("cut off"), node: index, fromLog: fc.boolean() }),
  };
  const weighed = Object.entries(odds).map(([kind, weight]) => ({
    weight,
    arbitrary: steps[kind as StepKind],
  }));
  return fc.array(fc.oneof(...weighed), { ...lengths, size: "max" });
}
