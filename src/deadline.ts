/**
 * The end of a wait for somebody else. Timers that are due run before what has arrived is read; when this process was
 * stopped, or busy, for as long as the wait may take, an answer that came in time would be told as none.
 */

/** A deadline that is under way. */
export type Deadline = {
  /** Ends the wait: `late` is not called any more. May be called again. */
  stop(): void;
};

/** Calls `late` after `ms`, when all that had arrived by then is read, unless it was stopped. */
export function startDeadline(ms: number, late: () => void): Deadline {
  let reading: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    reading = setImmediate(late);
  }, ms);
  return {
    stop() {
      clearTimeout(timer);
      clearImmediate(reading);
    },
  };
}
