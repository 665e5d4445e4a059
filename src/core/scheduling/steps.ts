/** Work that can be paused: it yields wherever others may run, and finally returns the result. */
export type Steps<Value> = Generator<void, Value, void>;

/** Does the work in one go. */
export function atOnce<Value>(steps: Steps<Value>): Value {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
