/**
 * Records the state of the log at each stop. At the next start, the difference shows what somebody removed in
 * between. The log alone cannot tell a file that was truncated from a commit that was torn by a crash.
 */
import type { Logger } from "pino";
import type { Store } from "../ports.ts";

/** The newest commit, and the numbers of the segments. */
export type LogExtent = { readonly commit: number; readonly segments: readonly number[] };

const key = "engine/last-stop";

/**
 * Call at the start: reports what is missing since the last stop, and removes that record, because the log changes
 * from here on.
 */
export async function compareWithLastStop(
  store: Store,
  found: LogExtent,
  logger: Logger | undefined,
): Promise<void> {
  const kept = await store.get<LogExtent>(key);
  if (kept === undefined) return;
  const { commit, segments } = kept.value;
  const missing = segments.filter((number) => !found.segments.includes(number));
  if (missing.length > 0 || found.commit < commit) {
    const what = { missingSegments: missing, missingCommits: Math.max(0, commit - found.commit) };
    logger?.error(
      what,
      "lines that were stored when the server was stopped are gone: files of the log were removed or cut",
    );
  }
  await store.put(key, undefined, kept.revision).catch((err: unknown) => tell(logger, err));
}

/** Call at the stop, after the last line. */
export async function keepLastStop(
  store: Store,
  extent: LogExtent,
  logger: Logger | undefined,
): Promise<void> {
  try {
    await store.put(key, extent, (await store.get(key))?.revision ?? 0);
  } catch (err) {
    tell(logger, err);
  }
}

function tell(logger: Logger | undefined, err: unknown): void {
  logger?.warn({ err }, "the end of the log could not be written down: the next start does not compare it");
}
