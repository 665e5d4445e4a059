/** Failures of the API about dynos, config vars and releases. */
import { AppError } from "./app-error.ts";

/** `known`: the app's types. */
export const processTypeUnknown = (type: string, known: readonly { readonly type: string }[]) =>
  new AppError({
    code: "PROCESS_TYPE_UNKNOWN",
    status: 404,
    message: `Couldn't find that process type (${type.slice(0, 40)}).`,
    mend:
      known.length === 0
        ? "The app has none yet: `tailrace up -a APP` brings those of a Procfile."
        : `There are ${known.map((one) => one.type).join(", ")}: those of the Procfile that the app was last deployed with.`,
    resource: "formation",
  });

export const dynoUnknown = (dyno: string) =>
  new AppError({
    code: "DYNO_UNKNOWN",
    status: 404,
    message: `Couldn't find that dyno (${dyno.slice(0, 40)}).`,
    mend: "`tailrace ps -a APP` lists the dynos of the app.",
    resource: "dyno",
  });

export const releaseUnknown = (release: string) =>
  new AppError({
    code: "RELEASE_UNKNOWN",
    status: 404,
    message: `Couldn't find that release (${release.slice(0, 40)}).`,
    mend: "The newest hundred releases of an app are kept: `GET /apps/APP/releases` lists them.",
    resource: "release",
  });

export const formationInvalid = (why: string) =>
  new AppError({
    code: "FORMATION_INVALID",
    status: 422,
    message: `The dynos cannot be scaled: ${why}.`,
    mend: "Write it as web=2, or as web=2:Standard-2X.",
  });

export const platformTooLarge = (bytesMax: number) =>
  new AppError({
    code: "PLATFORM_TOO_LARGE",
    status: 422,
    message: `What is kept of this app's dynos has ${bytesMax / 1024} KiB at most.`,
    mend: "Shorten the commands of its process types, its config vars, or those of the one-off dyno.",
  });

export const configInvalid = (why: string) =>
  new AppError({
    code: "CONFIG_INVALID",
    status: 422,
    message: `The config vars cannot be set: ${why}.`,
    mend: "A name has at most 128 letters, digits, _, . and -, and starts with a letter or _; a value is text; null removes a var.",
  });

export const noRunner = () =>
  new AppError({
    code: "NO_RUNNER",
    status: 422,
    message: "Nothing runs this app's dynos now.",
    mend: 'Start them with "tailrace up -a APP" in the folder with the app\'s Procfile.',
  });

export const runnerPresent = (host: string, pid: number) =>
  new AppError({
    code: "RUNNER_PRESENT",
    status: 409,
    message: `Another "tailrace up" runs this app's dynos: process ${pid} on ${host}.`,
    mend: "Stop that one first; one that ended without a word is forgotten after 15 seconds.",
  });

export const runnersFull = () =>
  new AppError({
    code: "RUNNERS_FULL",
    status: 503,
    message: "Too many requests wait for changes of this app's dynos.",
    mend: "One request of a runner waits at a time; send it again in a moment.",
    retryAfterS: 5,
  });

export const attachedRun = () =>
  new AppError({
    code: "NO_ATTACHED_RUN",
    status: 422,
    message: "A one-off dyno cannot be attached to a terminal here: there is no rendezvous server.",
    mend: 'Use "heroku run:detached" for an app that "tailrace up" runs, or "tailrace run -a APP -- COMMAND" for a command of this terminal.',
  });

export const noMeaning = (what: string, instead: string) =>
  new AppError({
    code: "NO_MEANING_HERE",
    status: 422,
    message: `${what} has no meaning on tailrace.`,
    mend: instead,
  });
