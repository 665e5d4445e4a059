import { Turns } from "../../src/turns.ts";

/** An event loop that the test turns: what is deferred runs in the next round, in order. */
export function loop() {
  let nowMs = 0;
  let deferred: (() => void)[] = [];
  return {
    turns: new Turns({ nowMs: () => nowMs, defer: (run) => deferred.push(run) }),
    pass: (ms: number) => {
      nowMs += ms;
    },
    async round() {
      const due = deferred;
      deferred = [];
      for (const run of due) {
        run();
        await Promise.resolve();
      }
    },
    waiting: () => deferred.length,
  };
}
