/** A log that a test can hold, fail and read. It stores what its port promises and nothing more. */
import type { Batch } from "../../src/core/batch/batch.ts";
import { LineCursor } from "../../src/core/batch/line-cursor.ts";
import type { ChannelId } from "../../src/core/ids.ts";
import { positionAt } from "../../src/core/position.ts";
import type { Appended, ChannelLog } from "../../src/ports.ts";

type Held = { readonly settle: () => void };

export class ScriptedLog implements Pick<ChannelLog, "append"> {
  /** Batches in the order in which they were stored. */
  readonly stored: { readonly channel: ChannelId; readonly batch: Batch }[] = [];
  /** Batches in the order of the calls. */
  readonly asked: Batch[] = [];
  /** The next appends reject with these, first come first served. */
  readonly failures: unknown[] = [];
  /** While set, every append rejects with it. */
  failure: unknown;
  /** While true, appends wait for `release`. */
  holding = false;
  readonly #held: Held[] = [];
  readonly #ids = new Map<string, Appended>();

  get heldCount(): number {
    return this.#held.length;
  }

  append(channel: ChannelId, batch: Batch): Promise<Appended> {
    this.asked.push(batch);
    const failure = this.failures.shift() ?? this.failure;
    return new Promise((resolve, reject) => {
      const settle = () => {
        if (failure !== undefined) return reject(failure);
        const id = `${channel} ${batch.dedupId}`;
        const known = batch.dedupId === undefined ? undefined : this.#ids.get(id);
        if (known !== undefined) return resolve({ ...known, repeated: true });
        this.stored.push({ channel, batch });
        const appended = { position: positionAt(this.stored.length, batch.count), repeated: false };
        this.#ids.set(id, appended);
        resolve(appended);
      };
      if (this.holding) this.#held.push({ settle });
      else setImmediate(settle);
    });
  }

  /** Settles the oldest appends that are held. */
  release(count = 1): void {
    for (const { settle } of this.#held.splice(0, count)) settle();
  }

  /** Every line of a channel as `SOURCE PROCESS MSGID SD|MESSAGE`, in order. */
  lines(channel?: ChannelId): string[] {
    const all: string[] = [];
    for (const { batch } of this.stored.filter(
      (entry) => channel === undefined || entry.channel === channel,
    )) {
      const line = new LineCursor().open(batch.bytes, batch.form);
      let count = 0;
      for (; line.next(); count++) all.push(lineText(line));
      if (count !== batch.count) throw new Error(`a batch says ${batch.count} lines and holds ${count}`);
    }
    return all;
  }

  /** The messages of a channel, in order. */
  messages(channel?: ChannelId): string[] {
    return this.lines(channel).map((line) => line.slice(line.indexOf("|") + 1));
  }
}

const lineText = (line: LineCursor): string => {
  const text = (start: number, end: number) => Buffer.from(line.bytes.subarray(start, end)).toString();
  const head = [
    text(line.sourceStart, line.sourceEnd),
    text(line.processStart, line.processEnd),
    text(line.msgidStart, line.msgidEnd),
    text(line.sdStart, line.sdEnd),
  ].filter((field) => field !== "");
  return `${head.join(" ")}|${text(line.messageStart, line.messageEnd)}`;
};
