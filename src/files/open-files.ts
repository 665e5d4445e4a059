/**
 * The files and sockets that the process may have open. When none is left, the system closes a newly accepted
 * connection without telling us or its client. So the limit is divided at the start, and the process checks whether
 * it runs out.
 */
import { open } from "node:fs/promises";
import { devNull } from "node:os";
import type { BackgroundFailures } from "../background-failures.ts";
import type { Clock } from "../ports.ts";

/** The number that the system allows this process; Node has already raised it as far as possible. */
export function openFilesMax(): number {
  const report = process.report as typeof process.report & { excludeNetwork: boolean };
  report.excludeNetwork = true; // looking up network interfaces takes long
  const { userLimits } = report.getReport() as unknown as {
    readonly userLimits?: { readonly open_files?: { readonly soft: number | string } };
  };
  const soft = Number(userLimits?.open_files?.soft);
  return Number.isFinite(soft) ? soft : Number.POSITIVE_INFINITY;
}

/** Shares of all that may be open; a tenth is left for the log, the disk and anything unforeseen. */
const parts = { accepted: 0.05, http: 0.125, syslog: 0.125, drains: 0.15, streams: 0.45 } as const;
export type FilesPart = keyof typeof parts;

/** The bound for connections, or this part's share of the open files if that is less. */
export const withinFiles = (filesMax: number, part: FilesPart, connectionsMax: number): number =>
  Math.min(connectionsMax, Math.max(1, Math.floor(filesMax * parts[part])));

const everyMs = 1_000;

type WatchParts = {
  readonly clock: Clock;
  readonly failures: Pick<BackgroundFailures, "note">;
  /** Called whenever none was left; closes what can be spared. */
  readonly makeRoom: () => void;
  /** Opens a file and closes it. */
  readonly probe?: () => Promise<void>;
};

/** Checks once a second whether a file can be opened. If not, reports and counts it, and makes room. */
export function watchOpenFiles({ clock, failures, makeRoom, probe = openOne }: WatchParts): {
  close(): Promise<void>;
} {
  const stop = new AbortController();
  const watch = async () => {
    while (!stop.signal.aborted) {
      await clock.sleep(everyMs, stop.signal);
      try {
        await probe();
      } catch (error) {
        if (!isOutOfFiles(error)) continue;
        failures.note(
          "open_files",
          error,
          "the process has as many files open as it may: new connections are closed unanswered; raise its limit (ulimit -n)",
        );
        makeRoom();
      }
    }
  };
  const watching = watch();
  return {
    close: () => {
      stop.abort();
      return watching;
    },
  };
}

const openOne = async (): Promise<void> => {
  await (await open(devNull)).close();
};

const isOutOfFiles = (error: unknown): boolean =>
  ["EMFILE", "ENFILE"].includes((error as NodeJS.ErrnoException).code ?? "");
