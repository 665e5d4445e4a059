/**
 * Remembers the log as it was when it was stopped last: told apart from what is there at the next start, it shows what
 * somebody took away meanwhile. A log alone cannot tell a file that was cut from a commit that a crash cut short.
 */
import type { Logger } from "pino";
import type { Store } from "../ports.ts";

/** The newest commit, and the numbers of the segments. */
export type LogExtent = { readonly commit: number; readonly segments: readonly number[] };

const key = "engine/last-stop";

/** At a start: says what is gone since the last stop. What the log becomes from here on is nobody's to compare. */
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

/** At a stop, behind the last line. */
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
