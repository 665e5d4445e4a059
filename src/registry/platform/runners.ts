/**
 * The runners of apps, and the dynos of each. A runner reports at intervals; the dynos of one that has fallen silent
 * (`runner-watch.ts`) are down, and the app's log says so. An app has one runner at a time.
 */
import type { ChannelId } from "../../core/ids.ts";
import { appKey, runnerKey } from "../../core/records/record-keys.ts";
import { notFound } from "../../errors/access.ts";
import { noRunner, runnerPresent } from "../../errors/platform.ts";
import type { Clock, Store } from "../../ports.ts";
import type { AppRecord } from "../records.ts";
import { timeOf } from "../time.ts";
import { removeRecord, updateRecord } from "../update.ts";
import { platformLimits } from "./limits.ts";
import type { DynoReport, RunnerRecord } from "./platform-records.ts";

type RunnerReport = Omit<RunnerRecord, "seenAtMs" | "silentAtMs"> & {
  /** A runner that this one has found dead on its own machine. */
  readonly replaces?: string;
};

/** Puts a line `heroku[PROCESS]: TEXT` into the app's log; never rejects. */
type TellState = (channel: ChannelId, process: string, text: string) => Promise<void>;

type RunnersOptions = { readonly store: Store; readonly clock: Clock; readonly tell: TellState };

/** The process in lines about a runner, as in those of `up` itself. */
const runnerProcess = "up";

export class Runners {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #tell: TellState;

  constructor({ store, clock, tell }: RunnersOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#tell = tell;
  }

  /** The runner, unless it has fallen silent. */
  async get(channel: ChannelId): Promise<RunnerRecord | undefined> {
    const runner = await this.#last(channel);
    return runner !== undefined && isThere(runner) ? runner : undefined;
  }

  /** The dynos by name, `web.2` before `web.10`: the present ones, or those from when the runner fell silent. */
  async dynos(channel: ChannelId): Promise<readonly DynoReport[]> {
    const dynos = (await this.#last(channel))?.dynos ?? [];
    return [...dynos].sort((a, b) => byNumber.compare(a.name, b.name));
  }

  /** The runner; throws if there is none. */
  async need(channel: ChannelId): Promise<RunnerRecord> {
    const runner = await this.get(channel);
    if (runner === undefined) throw noRunner();
    return runner;
  }

  /** Stores a runner's report. Throws if the app has another runner. */
  async report(channel: ChannelId, { replaces, ...report }: RunnerReport): Promise<void> {
    const key = runnerKey(channel);
    let before: RunnerRecord | undefined;
    await updateRecord<RunnerRecord>(this.#store, key, (found) => {
      before = found;
      const isOther = found !== undefined && ![report.id, replaces].includes(found.id);
      if (isOther && isThere(found)) throw runnerPresent(found.host, found.pid);
      return { ...report, seenAtMs: this.#clock.nowMs() };
    });
    const app = await this.#store.get<AppRecord>(appKey(channel));
    if (app === undefined || app.value.destroying !== undefined) {
      await removeRecord(this.#store, key);
      throw notFound("app");
    }
    if (before === undefined) return;
    if (before.id === report.id && !isThere(before)) await this.#tellBack(channel, report);
    if (before.id === replaces && isThere(before)) await this.#tellGone(channel, before, "has ended");
  }

  /** The runner has not been heard of since its report of `seenAtMs`. No error if it has reported in the meantime. */
  async markSilent(channel: ChannelId, seenAtMs: number): Promise<void> {
    let gone: RunnerRecord | undefined;
    const nowMs = this.#clock.nowMs();
    await updateRecord<RunnerRecord>(this.#store, runnerKey(channel), (found) => {
      gone = found?.seenAtMs === seenAtMs && isThere(found) ? found : undefined;
      if (gone === undefined) return found;
      const dynos = lasting(gone).map(
        (dyno) => ({ ...dyno, state: "down", updatedAt: timeOf(nowMs) }) as const,
      );
      return { ...gone, silentAtMs: nowMs, dynos };
    });
    if (gone === undefined) return; // another node told the app, or the runner is back
    await this.#tellGone(channel, gone, `was not heard of for ${platformLimits.silentMsMax / 1000} seconds`);
  }

  /** The runner has ended all its dynos. No error if the app has another runner by now. */
  async leave(channel: ChannelId, id: string): Promise<void> {
    await updateRecord<RunnerRecord>(this.#store, runnerKey(channel), (found) =>
      found?.id === id ? undefined : found,
    );
  }

  async #last(channel: ChannelId): Promise<RunnerRecord | undefined> {
    return (await this.#store.get<RunnerRecord>(runnerKey(channel)))?.value;
  }

  async #tellGone(channel: ChannelId, runner: RunnerRecord, how: string): Promise<void> {
    await this.#tell(channel, runnerProcess, `${nameOf(runner)} ${how}: its dynos are down`);
    for (const { name, state } of runner.dynos)
      if (!hasEnded(state)) await this.#tell(channel, name, `State changed from ${state} to down`);
  }

  async #tellBack(channel: ChannelId, runner: RunnerReport): Promise<void> {
    await this.#tell(channel, runnerProcess, `${nameOf(runner)} is heard of again, and so are its dynos`);
    for (const { name, state } of runner.dynos)
      if (!hasEnded(state)) await this.#tell(channel, name, `State changed from down to ${state}`);
  }
}

const isThere = ({ silentAtMs }: RunnerRecord): boolean => silentAtMs === undefined;
const hasEnded = (state: string): boolean => state === "down" || state === "complete";
/** One-off dynos are not restarted. */
const lasting = ({ dynos }: RunnerRecord): readonly DynoReport[] =>
  dynos.filter(({ type }) => type !== "run");
const nameOf = ({ host, pid }: Pick<RunnerRecord, "host" | "pid">): string =>
  `"tailrace up" (process ${pid} on ${host})`;
const byNumber = new Intl.Collator("en", { numeric: true });
