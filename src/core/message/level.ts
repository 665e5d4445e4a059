/**
 * The level of a line: what its text says, or else the severity it was sent with. Many programs write everything to one
 * stream, and only the text says how bad it is. Pure, and linear in the text.
 */

/** Syslog's own words, by severity (RFC 5424 §6.2.1, `syslog.conf`), worst first. */
export const levels = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] as const;

export type Level = (typeof levels)[number];

/** The levels in four groups, as readers distinguish lines; worst first. */
export const grades = ["error", "warn", "info", "debug"] as const;

export type Grade = (typeof grades)[number];

/** The words that loggers use for a level, including all of syslog's. */
const words: Readonly<Record<string, Level>> = {
  emerg: "emerg",
  emergency: "emerg",
  panic: "emerg",
  alert: "alert",
  crit: "crit",
  critical: "crit",
  fatal: "crit",
  err: "err",
  error: "err",
  severe: "err",
  warning: "warning",
  warn: "warning",
  notice: "notice",
  info: "info",
  information: "info",
  debug: "debug",
  verbose: "debug",
  trace: "debug",
};

/** pino's and bunyan's numbers. */
const tens: readonly Level[] = ["debug", "debug", "debug", "info", "warning", "err", "crit"];

/** How many characters at the start of a text are searched for its level. */
export const levelCharsMax = 4096;

/** A field by its key, in JSON or as `key=value`. */
const fieldForm =
  /(?:^|[\s{,"@.])(?:level|lvl|severity|loglevel|levelname)"?\s?[=:]\s?"?([A-Za-z]{3,11}|[1-6]0|[0-7])(?![\w.])/g;
/** The router's own field, at the start of its lines. */
const routerForm = /^(?:sock=\w{1,16} )?at=(error|warning|info)\b/;
/** The router's status for a request that failed on the server's side, regardless of `at`. */
const failedForm = /^(?:sock=\w{1,16} )?at=[^\n]{1,2000} status=5\d\d(?: |$)/;
/** `2026-01-02 03:04:05 ERROR …`, `E, [2026-01-02T03:04:05 #7] ERROR -- : …`. */
const capitalForm =
  /^(?:[A-Z], )?[^A-SU-Ya-z]{0,80}\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRIT|CRITICAL|FATAL|ALERT|EMERG|PANIC)\b/;
/** `2026/01/02 03:04:05 [error] …`, `<warn> …`, `Error: …`. */
const openingForm = /^(?:[^A-Za-z]{0,40}[[<]([A-Za-z]{3,11})[\]>]|\s{0,8}([A-Za-z]{3,11}):)/;
/** `TypeError: …`, `java.io.IOException: …`, `Uncaught Exception …`. */
const exceptionForm = /^(?:Uncaught )?[A-Za-z_$][\w$.:]{0,120}(?:Error|Exception)(?::|$| \()/;
const tracebackForm = /^(?:Traceback \(most recent call last\)|Exception in thread )/;
/** Heroku's codes: an H or R code is an error of the app's, an L code is about the log itself. */
const codeForm = /^Error ([HLR])\d{1,2}\b/;

/** A dyno that did not end as requested; 143 is the answer to SIGTERM, which is a request. */
const crashForm = /^(?:State changed from [a-z]+ to crashed$|Process exited with status (?!0$|143$)\d{1,3}$)/;
/** The command of a dyno, which may contain the name of any level. */
const commandForm = /^Starting process with command /;

/** The level of a line that was sent with `severity`. */
export function levelOf(text: string, severity: Level): Level {
  return levelIn(text) ?? severity;
}

/** The level that a text names; undefined if it names none. */
export function levelIn(text: string): Level | undefined {
  const looked = text.length > levelCharsMax ? text.slice(0, levelCharsMax) : text;
  if (commandForm.test(looked)) return undefined;
  if (crashForm.test(looked)) return "err";
  const field = levelInFields(looked);
  if (field !== undefined) return field;
  if (failedForm.test(looked)) return "err";
  const [, word] = routerForm.exec(looked) ?? capitalForm.exec(looked) ?? [];
  if (word !== undefined) return levelNamed(word);
  const [, inBrackets, beforeColon] = openingForm.exec(looked) ?? [];
  const opening = inBrackets ?? beforeColon;
  const opened = opening === undefined ? undefined : levelNamed(opening);
  if (opened !== undefined) return opened;
  const [, letter] = codeForm.exec(looked) ?? [];
  if (letter !== undefined) return letter === "L" ? "warning" : "err";
  return exceptionForm.test(looked) || tracebackForm.test(looked) ? "err" : undefined;
}

/** The level that a text names in a JSON or logfmt field. */
export function levelInFields(text: string): Level | undefined {
  const looked = text.length > levelCharsMax ? text.slice(0, levelCharsMax) : text;
  for (const [, said] of looked.matchAll(fieldForm)) {
    const level = levelNamed(said!);
    if (level !== undefined) return level;
  }
  return undefined;
}

/** The level that a logger means by a word or a number. */
export function levelNamed(said: string): Level | undefined {
  const word = said.toLowerCase();
  if (Object.hasOwn(words, word)) return words[word];
  if (/^[0-7]$/.test(said)) return levels[Number(said)];
  return /^[1-6]0$/.test(said) ? tens[Number(said) / 10] : undefined;
}

const firstWordForm = /^[^A-Za-z]{0,80}([A-Za-z]{3,11})(?![A-Za-z])/;

/** True if a text begins with a word for the grade of `level`: `ERROR job failed`, `[warn] slow`, `12:00 FATAL: no`. */
export function opensWithLevel(text: string, level: Level): boolean {
  const looked = text.slice(0, levelCharsMax);
  const [, word] = firstWordForm.exec(looked) ?? [];
  const [, capital] = capitalForm.exec(looked) ?? [];
  return [word, capital].some((said) => {
    const named = said === undefined ? undefined : levelNamed(said);
    return named !== undefined && gradeOf(named) === gradeOf(level);
  });
}

const gradesByLevel: Readonly<Record<Level, Grade>> = {
  emerg: "error",
  alert: "error",
  crit: "error",
  err: "error",
  warning: "warn",
  notice: "info",
  info: "info",
  debug: "debug",
};

export const gradeOf = (level: Level): Grade => gradesByLevel[level];

/** True if `level` is as bad as `least`, or worse. */
export const isAsBad = (level: Level, least: Level): boolean =>
  levels.indexOf(level) <= levels.indexOf(least);
