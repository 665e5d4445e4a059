/**
 * The dynos of an app on this machine. They are started and ended until they match what is wanted, restarted when a new
 * release is in force, and given their orders.
 */
import type { UpClock } from "./clock.ts";
import { type DynoProcess, freePort, startProcess } from "./dyno-process.ts";
import type { DynoLimits } from "./limits.ts";
import { type DynoSpec, ManagedDyno } from "./managed-dyno.ts";
import type { OutputLog } from "./up-log.ts";
import type { DynoReport, Order, Wanted, WantedType } from "./wanted.ts";

type DynosOptions = {
  readonly folder: string;
  /** A dyno's environment, before `PORT` and `DYNO`. */
  readonly environment: (config: Readonly<Record<string, string>>) => NodeJS.ProcessEnv;
  readonly outputOf: (dyno: string) => OutputLog;
  readonly state: (dyno: string, text: string) => void;
  readonly onChange: () => void;
  readonly clock: UpClock;
  readonly limits: DynoLimits;
};

export class Dynos {
  readonly #options: DynosOptions;
  readonly #dynos = new Map<string, ManagedDyno>();
  /** Dynos that are ending: a new one of the same name waits for them. */
  readonly #leaving = new Map<string, Promise<unknown>>();
  /** All dynos, including those that are ending. */
  readonly #everyone = new Set<ManagedDyno>();
  /** The newest order that has been carried out. */
  #orderDone = Number.POSITIVE_INFINITY;
  #isClosing = false;

  constructor(options: DynosOptions) {
    this.#options = options;
  }

  get all(): readonly ManagedDyno[] {
    return [...this.#dynos.values()];
  }

  /** The web dynos, for the router. */
  get web(): readonly ManagedDyno[] {
    return this.all.filter(({ type }) => type === "web");
  }

  get reports(): readonly DynoReport[] {
    const time = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
    return this.all.map(({ id, name, type, state, spec, createdAtMs, stateAtMs }) => ({
      id,
      name,
      type,
      state,
      command: spec.command,
      size: spec.size,
      release: spec.release,
      createdAt: time(createdAtMs),
      updatedAt: time(stateAtMs),
    }));
  }

  /** Makes the running dynos match what is wanted. Orders that existed at the first call were for somebody else. */
  follow(wanted: Wanted): void {
    if (this.#isClosing) return;
    for (const type of wanted.formation) this.#scale(type, wanted);
    for (const dyno of this.all) {
      if (dyno.type === "run") continue;
      const type = wanted.formation.find((one) => one.type === dyno.type);
      if (type === undefined || numberOf(dyno.name) > type.quantity) this.#remove(dyno);
    }
    const orders = wanted.orders.filter(({ number }) => number > this.#orderDone);
    this.#orderDone = Math.max(
      wanted.orders.at(-1)?.number ?? 0,
      Number.isFinite(this.#orderDone) ? this.#orderDone : 0,
    );
    for (const order of orders) this.#obey(order, wanted);
  }

  /** Ends all dynos gracefully; resolves when no process is left. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const dyno of this.all) this.#remove(dyno);
    await Promise.all(this.#leaving.values());
  }

  /** Ends all processes immediately. */
  kill(): void {
    for (const dyno of this.#everyone) dyno.kill();
  }

  #scale(type: WantedType, wanted: Wanted): void {
    const spec = this.#specOf(type.command, type.size, type.memory_mb, wanted);
    for (let number = 1; number <= type.quantity; number++) {
      const name = `${type.type}.${number}`;
      const dyno = this.#dynos.get(name);
      if (dyno === undefined) this.#add(name, type.type, spec);
      else if (dyno.spec.release !== spec.release || dyno.spec.size !== spec.size) dyno.restart(spec);
    }
  }

  #specOf(command: string, size: string, memoryMb: number, { config, release }: Wanted): DynoSpec {
    return { command, size, memoryMb, release, environment: this.#options.environment(config) };
  }

  #add(name: string, type: string, spec: DynoSpec, isOneOff = false): void {
    const leaving = this.#leaving.get(name);
    const { clock, limits, state, onChange } = this.#options;
    const dyno = new ManagedDyno({
      name,
      type,
      spec,
      isOneOff,
      start: async (one) => {
        await leaving;
        return this.#start(one);
      },
      onState: (text) => state(name, text),
      onChange,
      clock,
      limits,
    });
    this.#dynos.set(name, dyno);
    this.#everyone.add(dyno);
    void dyno.gone.finally(() => {
      this.#everyone.delete(dyno);
      if (this.#dynos.get(name) === dyno) this.#dynos.delete(name);
      onChange();
    });
    onChange();
  }

  async #start({ name, type, spec }: ManagedDyno): Promise<DynoProcess> {
    const { folder, outputOf, clock, limits } = this.#options;
    const port = type === "web" ? await freePort() : undefined;
    const output = outputOf(name);
    return startProcess({
      command: spec.command,
      environment: { ...spec.environment, DYNO: name, ...(port !== undefined && { PORT: String(port) }) },
      folder,
      ...(port !== undefined && { port }),
      onOutput: output.take,
      onOutputEnd: output.end,
      clock,
      limits,
    });
  }

  #remove(dyno: ManagedDyno): void {
    this.#dynos.delete(dyno.name);
    dyno.remove();
    const gone = dyno.gone.finally(() => {
      if (this.#leaving.get(dyno.name) === gone) this.#leaving.delete(dyno.name);
    });
    this.#leaving.set(dyno.name, gone);
    this.#options.onChange();
  }

  #obey(order: Order, wanted: Wanted): void {
    if (order.kind === "run" && order.dyno !== undefined && order.command !== undefined) {
      const spec = this.#specOf(order.command, order.size ?? "", order.memory_mb ?? 512, wanted);
      this.#add(order.dyno, "run", { ...spec, environment: { ...spec.environment, ...order.env } }, true);
      return;
    }
    const meant = this.all.filter(({ name, type }) => [undefined, name, type].includes(order.target));
    for (const dyno of meant) {
      if (order.kind === "stop") dyno.stop();
      else if (dyno.type !== "run") dyno.restart(this.#newest(dyno, wanted));
    }
  }

  #newest(dyno: ManagedDyno, wanted: Wanted): DynoSpec {
    const type = wanted.formation.find((one) => one.type === dyno.type);
    return type === undefined ? dyno.spec : this.#specOf(type.command, type.size, type.memory_mb, wanted);
  }
}

const numberOf = (name: string): number => Number(name.slice(name.lastIndexOf(".") + 1));
