/** Lets components follow values outside them. */
import { useEffect, useReducer, useRef, useState } from "preact/hooks";

/** Redraws on each notification. */
export function useNotifications(subscribe: (listener: () => void) => () => void): void {
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

/**
 * The result of `load`, fetched again every `everyMs` while the page is visible. The previous value stays until there
 * is a new one.
 */
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
