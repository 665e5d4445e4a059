/** The files and connections that `up` may have open: clients of the router leave enough for all else. */
import type { RouterLimits } from "./limits.ts";

/** Shares of the router: its clients' connections, and those to dynos. */
const shares = { connections: 0.4, requests: 0.2 } as const;

/** The number that the system allows this process; Node has already raised it as far as possible. */
export function openFilesMax(): number {
  const { report } = process as { report: typeof process.report & { excludeNetwork?: boolean } };
  report.excludeNetwork = true; // looking up network interfaces takes long
  const { userLimits } = report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = Number(userLimits?.open_files?.soft);
  return Number.isFinite(soft) ? soft : Number.POSITIVE_INFINITY;
}

/** The bounds of a router in a process that may have so many files open. */
export const withinFiles = (limits: RouterLimits, filesMax: number): RouterLimits => ({
  ...limits,
  connectionsMax: Math.min(limits.connectionsMax, Math.floor(filesMax * shares.connections)),
  requestsMax: Math.min(limits.requestsMax, Math.floor(filesMax * shares.requests)),
});
