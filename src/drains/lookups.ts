/**
 * Shares name look-ups fairly. A name whose name servers are silent takes seconds, and whoever owns a domain can make
 * that happen. So there are many places, a look-up holds its place only for a moment, each app has few look-ups under
 * way, and apps take turns: names that were quick last time go first, then new ones, then slow ones. Callers that ask
 * for the same name at the same time share one look-up.
 *
 * Only callers with a slot, or with a test under way, wait here: that bounds how many wait.
 */
import type { LookupAllOptions } from "node:dns";
import { LRUCache } from "lru-cache";
import type { Clock } from "../ports.ts";
import type { Resolve, ResolveInTurn } from "./addresses.ts";

type Done = Parameters<Resolve>[2];

type LookupLimits = {
  /** Look-ups that hold a place at the same time; slow names take at most half of the places. */
  readonly placesMax: number;
  /** A look-up that takes longer than this is slow, and its place goes to another. */
  readonly slowMs: number;
  /** Look-ups of one app under way. */
  readonly perAppMax: number;
  /** Names for which it is remembered how long they took. */
  readonly namesMax: number;
};

const paces = ["quick", "unknown", "slow"] as const;
type Pace = (typeof paces)[number];

/** A name that is asked for. */
type Look = {
  readonly key: string;
  readonly name: string;
  readonly options: LookupAllOptions;
  readonly pace: Pace;
  readonly askers: Done[];
  /** Apps in whose queues it waits; empty when it is under way. */
  readonly apps: Set<string>;
};

export class Lookups {
  readonly #limits: LookupLimits & { readonly clock: Clock };
  readonly #system: Resolve;
  readonly #known: LRUCache<string, Pace>;
  readonly #looks = new Map<string, Look>();
  readonly #waiting: Readonly<Record<Pace, AppQueues>> = {
    quick: new AppQueues(),
    unknown: new AppQueues(),
    slow: new AppQueues(),
  };
  readonly #underWay = new Map<string, number>();
  readonly #held: Record<Pace, number> = { quick: 0, unknown: 0, slow: 0 };

  /** `system` looks up a name for real, within a time bound of its own. */
  constructor(limits: LookupLimits & { readonly clock: Clock }, system: Resolve) {
    this.#limits = limits;
    this.#system = system;
    this.#known = new LRUCache({ max: limits.namesMax });
  }

  /** Calls `done` once, with all addresses of a name, when it is the turn of `app`. */
  readonly resolve: ResolveInTurn = (name, options, done, app) => {
    const key = `${name} ${options.family ?? 0}`;
    const look = this.#looks.get(key);
    if (look !== undefined) {
      look.askers.push(done);
      if (look.apps.size > 0) this.#queue(look, app);
    } else {
      const pace = this.#known.get(key) ?? "unknown";
      const asked: Look = { key, name, options, pace, askers: [done], apps: new Set() };
      this.#looks.set(key, asked);
      this.#queue(asked, app);
    }
    this.#begin();
  };

  #queue(look: Look, app: string): void {
    look.apps.add(app);
    this.#waiting[look.pace].add(app, look.key);
  }

  #begin(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const look = this.#looks.get(next.key)!;
      for (const app of look.apps) this.#waiting[look.pace].remove(app, look.key);
      look.apps.clear();
      this.#look(look, next.app);
    }
  }

  #next(): { readonly app: string; readonly key: string } | undefined {
    const { placesMax, perAppMax } = this.#limits;
    const { quick, unknown, slow } = this.#held;
    if (quick + unknown + slow >= placesMax) return undefined;
    const mayBegin = (app: string) => (this.#underWay.get(app) ?? 0) < perAppMax;
    for (const pace of paces) {
      if (pace === "slow" && slow >= placesMax / 2) continue;
      const found = this.#waiting[pace].next(mayBegin);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #look({ key, name, options, pace, askers }: Look, app: string): void {
    const { clock, slowMs } = this.#limits;
    const startedAtMs = clock.monotonicMs();
    const ended = new AbortController();
    this.#underWay.set(app, (this.#underWay.get(app) ?? 0) + 1);
    this.#held[pace]++;
    let isHeld = true;
    const release = () => {
      if (isHeld) this.#held[pace]--;
      isHeld = false;
      this.#begin();
    };
    void clock.sleep(slowMs, ended.signal).then(release);
    this.#system(name, options, (failure, found) => {
      this.#known.set(key, clock.monotonicMs() - startedAtMs >= slowMs ? "slow" : "quick");
      this.#looks.delete(key);
      const left = this.#underWay.get(app)! - 1;
      if (left > 0) this.#underWay.set(app, left);
      else this.#underWay.delete(app);
      ended.abort();
      release();
      for (const done of askers) done(failure, found);
    });
  }
}

/** Waiting keys by app; apps take turns. */
class AppQueues {
  readonly #queues = new Map<string, Set<string>>();

  add(app: string, key: string): void {
    const queue = this.#queues.get(app);
    if (queue === undefined) this.#queues.set(app, new Set([key]));
    else queue.add(key);
  }

  remove(app: string, key: string): void {
    const queue = this.#queues.get(app);
    queue?.delete(key);
    if (queue?.size === 0) this.#queues.delete(app);
  }

  /** The oldest key of the first app that `may`; that app then goes to the end of the line. */
  next(may: (app: string) => boolean): { readonly app: string; readonly key: string } | undefined {
    for (const [app, queue] of this.#queues) {
      if (!may(app)) continue;
      this.#queues.delete(app);
      this.#queues.set(app, queue);
      const [key] = queue;
      return { app, key: key! };
    }
    return undefined;
  }
}
