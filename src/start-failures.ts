/**
 * Turns what the system says to a start into failures that name the option and the mend. What nobody can mend by an
 * option stays what it was.
 */
import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { getSystemErrorName } from "node:util";
import { dataUnusable, listenAddress, listenForbidden, listenInUse } from "./errors/start.ts";

/**
 * Makes the folder of `--data` and what is missing above it, for its owner alone. Level by level: Node's own recursive
 * way never ends where a folder is missing and cannot be made, as under /proc.
 */
export function makeDataFolder(folder: string): void {
  try {
    const missing: string[] = [];
    for (let at = resolve(folder); !isThere(at) && at !== dirname(at); at = dirname(at)) missing.unshift(at);
    for (const path of missing) makeOne(path);
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR", path: folder });
  } catch (cause) {
    throw dataFailure(folder, cause);
  }
}

/** Why the folder of `--data` cannot be used. LMDB gives the system's numbers where Node gives names. */
export function dataFailure(folder: string, cause: unknown): unknown {
  const { code, path } = cause as { readonly code?: unknown; readonly path?: string };
  const name = typeof code === "number" && code > 0 ? getSystemErrorName(-code) : code;
  const reason = typeof name === "string" ? folderReasons[name] : undefined;
  return reason === undefined ? cause : dataUnusable(resolve(folder), reason(resolve(path ?? folder)), cause);
}

/** A door of syslog, by its flag. */
export type SyslogFlag = "--syslog" | "--syslog-tls" | "--syslog-udp" | "--relp";

/** Why nothing can listen at the address of `option`. */
export function listenFailure(
  option: "--http" | "--admin" | SyslogFlag,
  { host, port }: { readonly host: string; readonly port: number },
  cause: unknown,
): unknown {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  switch ((cause as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return listenInUse(option, address, cause);
    case "EADDRNOTAVAIL":
    case "EAFNOSUPPORT":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return listenAddress(option, host, cause);
    case "EACCES":
    case "EPERM":
      return listenForbidden(option, address, cause);
    default:
      return cause;
  }
}

const folderReasons: Readonly<Record<string, (at: string) => string>> = {
  EACCES: (at) => `permission denied at ${at}`,
  EPERM: (at) => `permission denied at ${at}`,
  EROFS: (at) => `the disk of ${at} is read-only`,
  ENOSPC: (at) => `the disk of ${at} is full`,
  ENOENT: (at) => `${at} cannot be made`,
  ENOTDIR: (at) => `${at} is no folder, or is in a file`,
  EISDIR: (at) => `${at} is a folder`,
  EEXIST: (at) => `${at} is no folder`,
  ELOOP: (at) => `${at} is a link that leads nowhere`,
  ENAMETOOLONG: (at) => `${at} is too long a name`,
};

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

// Another process may have been quicker.
function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST" || !isThere(path)) throw cause;
  }
}
