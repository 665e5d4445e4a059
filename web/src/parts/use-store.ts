/** Components follow values that live outside of them. */
import { useEffect, useReducer, useRef, useState } from "preact/hooks";

/** Draws again whenever `subscribe` tells. */
export function useTold(subscribe: (listener: () => void) => () => void): void {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const end = subscribe(() => redraw(0));
    redraw(0); // something may have changed since it was drawn
    return end;
  }, [subscribe]);
}

export type Loaded<Value> = {
  readonly value: Value | undefined;
  readonly failure: string | undefined;
  readonly reload: () => void;
};

/** What `load` resolves to, again after each `everyMs` while the page is seen. What was there stays until there is more. */
export function useLoaded<Value>(
  load: () => Promise<Value>,
  deps: readonly unknown[],
  everyMs?: number,
): Loaded<Value> {
  const [state, setState] = useState<{ value?: Value; failure?: string }>({});
  const run = useRef<() => void>(() => {});
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    setState({});
    const once = async () => {
      clearTimeout(timer);
      try {
        const value = await load();
        if (!isOver) setState({ value });
      } catch (error) {
        if (!isOver) setState((before) => ({ ...before, failure: (error as Error).message }));
      }
      if (!isOver && everyMs !== undefined) timer = setTimeout(whenSeen, everyMs);
    };
    const whenSeen = () => {
      if (document.visibilityState === "visible") void once();
      else timer = setTimeout(whenSeen, everyMs);
    };
    run.current = () => void once();
    void once();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, deps);
  return { value: state.value, failure: state.failure, reload: () => run.current() };
}
