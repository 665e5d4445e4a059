/** Failures of an engine's folder. */
import { AppError } from "./app-error.ts";

/** `host`: that of the process, if its id belongs to another system, such as another container. */
export const storeInUse = (pid: number, folder: string, host?: string) =>
  new AppError({
    code: "STORE_IN_USE",
    status: 503,
    message: `Process ${pid} ${host === undefined ? "" : `of the container ${host} `}runs a server on ${folder}, the folder of --data: two would both number the lines of a log.`,
    mend: "Stop that process, or give this server a folder of its own with --data.",
  });

/** Somebody removed the lock of the folder, and another server took it. */
export const storeLost = () =>
  new AppError({
    code: "STORE_LOST",
    status: 503,
    message: "Another server has the folder of --data: nothing was stored.",
    mend: "Send it again. The operator has to stop one of the two; nobody may remove the file `lock-…` of a server that runs.",
    retryAfterS: 5,
  });

export const dataGone = () =>
  new AppError({
    code: "DATA_GONE",
    status: 503,
    message: "The data were removed, replaced or cut under the running server: what is sent now is not kept.",
    mend: "Send it again, under the same Logplex-Frame-Id. The operator has to put the folder of --data back as it was, or restart the server; docs/operating.md says how to save what it still holds.",
    retryAfterS: 5,
  });

/** `what`: a sentence without its full stop. */
export const dataDamaged = (what: string, mend?: string, cause?: unknown) =>
  new AppError({
    code: "DATA_DAMAGED",
    status: 503,
    message: `${what}.`,
    mend:
      mend ??
      "Put the folder of --data back from a copy. Without one, move it away and start with an empty one: what it held is gone then, and readers are told that the log is another one.",
    cause,
  });

export const dataNewer = (folder: string, format: number, formatNow: number) =>
  new AppError({
    code: "DATA_NEWER",
    status: 503,
    message: `The folder of --data, ${folder}, is of format ${format}, and this version of tailrace reads up to ${formatNow}.`,
    mend: "Start the version that wrote it, or a newer one; or give another folder with --data.",
    exitStatus: 2,
  });
