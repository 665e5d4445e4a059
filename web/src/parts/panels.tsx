/** The parts of the page of an app at a glance: tiles, panels, and the legends of charts. */
import type { ComponentChildren } from "preact";
import { countOf } from "./words.ts";

export function Panel({
  title,
  isEmpty,
  empty = "No line tells of it in this time.",
  children,
}: {
  title: string;
  isEmpty: boolean;
  empty?: string;
  children: ComponentChildren;
}) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      {isEmpty ? <p class="mute">{empty}</p> : children}
    </section>
  );
}

export const Tile = ({ name, value, mark = "" }: { name: string; value: string; mark?: string }) => (
  <div class="tile">
    <b class={mark}>{value}</b>
    <span>{name}</span>
  </div>
);

export const Keys = ({ of }: { of: readonly (readonly [string, string])[] }) => (
  <ul class="chart-keys">
    {of.map(([name, colour]) => (
      <li key={name}>
        <i class={`key-${colour}`} aria-hidden="true" />
        {name}
      </li>
    ))}
  </ul>
);

export function Codes({ codes, go }: { codes: ReadonlyMap<string, number>; go: (code: string) => void }) {
  const shown = [...codes].sort((a, b) => b[1] - a[1]).slice(0, 12);
  return (
    <div class="codes">
      {shown.map(([code, count]) => (
        <button key={code} type="button" class="chip" onClick={() => go(code)}>
          <b class="bad">{code}</b> {countOf(count)}
        </button>
      ))}
    </div>
  );
}
