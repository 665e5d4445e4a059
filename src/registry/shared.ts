/**
 * Something that takes long and that many want at once. It is done once at a time; those who ask while it is done share
 * the next time, so that nobody is told what was before they asked.
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
    next ??= current.then(begin, begin);
    return next;
  };
}
