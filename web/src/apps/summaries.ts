/**
 * Summaries of all apps that the key may see. They are fetched in turn, a few at a time, each again a few seconds after
 * its answer; of many apps those that are shown more often than the others.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api } from "../api.ts";
import type { App, LogSummary } from "../api-types.ts";
import { Rounds } from "./rounds.ts";

const roundMs = 5_000;
const atOnceMax = 4;

export type Summaries = ReadonlyMap<string, LogSummary>;

export function useSummaries(apps: readonly App[] | undefined, shown: readonly App[]): Summaries {
  const [summaries, setSummaries] = useState<Summaries>(new Map());
  const names = useMemo(() => apps?.map(({ name }) => name).join(" ") ?? "", [apps]);
  const inSight = useRef(shown);
  inSight.current = shown;
  useEffect(() => {
    const all = names === "" ? [] : names.split(" ");
    const known = new Set(all);
    const rounds = new Rounds(all);
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const round = async () => {
      if (document.visibilityState === "visible") {
        const found = await askFor(rounds.next(inSight.current.map(({ name }) => name)));
        if (isOver) return;
        setSummaries((before) => new Map([...before, ...found].filter(([name]) => known.has(name))));
      }
      timer = setTimeout(round, roundMs);
    };
    if (all.length > 0) void round();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [names]);
  return summaries;
}

async function askFor(names: readonly string[]): Promise<[string, LogSummary][]> {
  const found: [string, LogSummary][] = [];
  const waiting = [...names];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const summary = await api.summary(name).catch(() => undefined);
      if (summary !== undefined) found.push([name, summary]);
    }
  };
  await Promise.all(Array.from({ length: atOnceMax }, worker));
  return found;
}

export const ratePerS = ({ recent }: LogSummary): number => recent.lines / Math.max(1, recent.seconds);

/** The health of an app's drains, in one word and a sentence. */
export function drainHealth(
  summary: LogSummary | undefined,
  isAway = false,
): {
  mark: "ok" | "wait" | "bad" | "none" | "unknown";
  words: string;
} {
  if (summary === undefined) return { mark: "none", words: "" };
  const { idle, delivering, retrying, paused, tests_failed: failed } = summary.drains;
  const count = idle + delivering + retrying + paused;
  if (count === 0) return { mark: "none", words: "no drains" };
  if (isAway) return { mark: "unknown", words: "not known: the server does not answer" };
  const some = (drains: number) => (count === 1 ? "1 drain," : `${drains} of ${count} drains`);
  if (retrying > 0) return { mark: "bad", words: `${some(retrying)} retrying` };
  if (paused > 0) return { mark: "wait", words: `${some(paused)} paused` };
  if (failed > 0) return { mark: "wait", words: `${some(failed)} not taking test lines` };
  return { mark: "ok", words: count === 1 ? "1 drain, well" : `${count} drains, all well` };
}
