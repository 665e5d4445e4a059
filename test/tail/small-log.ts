/** A ChannelLog of one process in little code, with retention by lines. */

import type { StoredBatch } from "../../src/core/batch.ts";
import type { ChannelId } from "../../src/core/ids.ts";
import { origin, positionAt, readPosition } from "../../src/core/position.ts";
import type { ChannelLog } from "../../src/ports.ts";

export function openSmallLog(retainLines = Number.POSITIVE_INFINITY): ChannelLog {
  type Channel = { batches: StoredBatch[]; line: number; gone: boolean; wake: Set<() => void> };
  const channels = new Map<ChannelId, Channel>();
  let sequence = 0;
  const channelOf = (id: ChannelId): Channel => {
    let channel = channels.get(id);
    if (channel === undefined)
      channels.set(id, (channel = { batches: [], line: 0, gone: false, wake: new Set() }));
    return channel;
  };
  const endOfChannel = (channel: Channel) => {
    const last = channel.batches.at(-1);
    return {
      position: last === undefined ? origin : positionAt(last.sequence, last.count),
      line: channel.line,
    };
  };
  return {
    async append(id, batch) {
      await Promise.resolve();
      const channel = channelOf(id);
      const stored = { ...batch, sequence: ++sequence, line: channel.line };
      channel.line += batch.count;
      channel.batches.push(stored);
      while (channel.line - channel.batches[0]!.line - channel.batches[0]!.count >= retainLines)
        channel.batches.shift();
      for (const wake of channel.wake) wake();
      return { position: positionAt(sequence, batch.count), repeated: false };
    },
    async *follow(id, from, signal) {
      const channel = channelOf(id);
      let place = readPosition(endOfChannel(channel).position)!;
      if (from.kind === "after") place = readPosition(from.position)!;
      if (from.kind === "since") {
        const first = channel.batches.find((batch) => batch.acceptedAtMs >= from.timeMs);
        if (first) place = { sequence: first.sequence, lines: 0 };
      }
      while (!signal.aborted && !channel.gone) {
        const next = channel.batches.find(
          (batch) =>
            batch.sequence > place.sequence ||
            (batch.sequence === place.sequence && batch.count > place.lines),
        );
        if (next !== undefined) {
          place = { sequence: next.sequence, lines: next.count };
          yield next;
          continue;
        }
        await new Promise<void>((resolve) => {
          const wake = () => {
            channel.wake.delete(wake);
            signal.removeEventListener("abort", wake);
            resolve();
          };
          channel.wake.add(wake);
          signal.addEventListener("abort", wake);
        });
      }
    },
    async recent(id, lines) {
      const channel = channelOf(id);
      const batches = channel.batches.filter((batch) => batch.line + batch.count > channel.line - lines);
      return { batches, end: endOfChannel(channel) };
    },
    async destroy(id) {
      const channel = channelOf(id);
      channel.gone = true;
      channels.delete(id);
      for (const wake of channel.wake) wake();
    },
    async close() {
      for (const channel of channels.values()) {
        channel.gone = true;
        for (const wake of channel.wake) wake();
      }
    },
  };
}
