/** Marks next to the scrollbar for errors and notices anywhere in the list. */
import { useMemo } from "preact/hooks";
import type { Row } from "./view-rows.ts";

type Props = {
  readonly rows: readonly Row[];
  readonly version: number;
  readonly onGo: (index: number) => void;
};
type At = { readonly place: number; readonly index: number; readonly kind: "err" | "note" };

/** The number of places in the bar; each shows the worst of its rows. */
const places = 150;

export function Marks({ rows, onGo }: Props) {
  const marks = useMemo(() => marksOf(rows), [rows]);
  return (
    <div class="marks" aria-hidden="true">
      {marks.map(({ place, index, kind }) => (
        <i
          key={place}
          class={kind}
          style={{ top: `${(100 * place) / places}%` }}
          onClick={() => onGo(index)}
        />
      ))}
    </div>
  );
}

function marksOf(rows: readonly Row[]): At[] {
  const found = new Map<number, At>();
  for (const [index, row] of rows.entries()) {
    const kind = kindOf(row);
    if (kind === undefined) continue;
    const place = Math.floor((index / rows.length) * places);
    if (found.get(place)?.kind !== "err") found.set(place, { place, index, kind });
  }
  return [...found.values()];
}

function kindOf(row: Row): At["kind"] | undefined {
  if (row.kind === "mark") return "note";
  if (row.kind !== "line") return undefined;
  if (row.line.level === "error") return "err";
  return row.line.isNotice || row.line.level === "warn" ? "note" : undefined;
}
