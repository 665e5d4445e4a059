import { joined } from "../turns.ts";

/**
 * Shares slow work between callers. It runs once at a time; callers that ask while it runs share the next run, so that
 * nobody gets an answer that is older than their question. They continue in turns.
 */
export function shared<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let current: Promise<Value> | undefined;
  let next: Promise<Value> | undefined;
  const begin = (): Promise<Value> => {
    next = undefined;
    const made = make();
    current = made;
    const end = () => {
      if (current === made) current = undefined;
    };
    made.then(end, end);
    return made;
  };
  return () => {
    if (current === undefined) return begin();
    if (next !== undefined) return joined(next, "shared");
    next = current.then(begin, begin);
    return next;
  };
}
