/** Work that can be paused: it yields wherever others may run, and finally returns the result. */
export type Steps<Value> = Generator<void, Value, void>;

/** The same, where others may have to run for longer: until the promise of a pause resolves. */
export type WaitingSteps<Value> = Generator<void | Promise<void>, Value, void>;

/** The same work; `pause` is called in each pause, and says whether to wait. What it throws ends the work. */
export function* withPauses<Value>(
  steps: Steps<Value>,
  pause: () => void | Promise<void>,
): WaitingSteps<Value> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield pause();
  }
}

/** Does the work in one go. */
export function atOnce<Value>(steps: Steps<Value>): Value {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
