/** How lines are shown, and which processes are shown side by side. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type LogView, panesMax } from "../route.ts";
import { byName } from "./process-names.ts";
import { useProcesses } from "./use-processes.ts";

type Props = {
  readonly app: string;
  readonly view: LogView;
  readonly change: (changed: Partial<LogView>) => void;
};

/** The most processes to choose from. */
const namesMax = 60;

export function ShowMenu({ app, view, change }: Props) {
  const [isOpen, setOpen] = useState(false);
  const { names, isAll } = useProcesses(app, isOpen);
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const isKey = event instanceof KeyboardEvent;
      if (isKey ? event.key === "Escape" : !menu.current?.contains(event.target as Node))
        menu.current?.removeAttribute("open");
    };
    addEventListener("pointerdown", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("keydown", close);
    };
  }, []);
  const toggle = (dyno: string) => {
    const panes = view.panes.includes(dyno)
      ? view.panes.filter((one) => one !== dyno)
      : [...view.panes, dyno];
    change({ panes: panes.slice(-panesMax) });
  };
  const shown = [...new Set([...view.panes, ...names])].sort(byName.compare).slice(0, namesMax);
  return (
    <details class="show-menu" ref={menu} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class="ghost">Show</summary>
      <div class="menu-box">
        <label>
          <input type="checkbox" checked={view.wrap} onChange={() => change({ wrap: !view.wrap })} />
          Wrap long lines
        </label>
        <label>
          <input
            type="checkbox"
            checked={view.zone === "utc"}
            onChange={() => change({ zone: view.zone === "utc" ? "local" : "utc" })}
          />
          Times in UTC
        </label>
        <fieldset>
          <legend>Side by side, up to {panesMax}</legend>
          {shown.length === 0 && (
            <span class="mute">{isAll ? "No process wrote a line yet" : "Looking for processes"}</span>
          )}
          {shown.map((dyno) => (
            <label key={dyno}>
              <input type="checkbox" checked={view.panes.includes(dyno)} onChange={() => toggle(dyno)} />
              {dyno}
            </label>
          ))}
        </fieldset>
      </div>
    </details>
  );
}
