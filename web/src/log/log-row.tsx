/** One row: time, process, text. Text stays text: nothing in it becomes HTML. */
import { memo } from "preact/compat";
import { clockOf, countOf, durationOf, linesOf, longDayOf, type Zone } from "../parts/words.ts";
import type { Finding } from "./finding.ts";
import { levelWordOf } from "./level-word.ts";
import { edgeOf } from "./line.ts";
import type { Mark } from "./line-ring.ts";
import { Message } from "./message-text.tsx";
import { Process } from "./process-name.tsx";
import type { Row } from "./view-rows.ts";

type Props = {
  readonly row: Row;
  readonly zone: Zone;
  readonly find: Finding | undefined;
  readonly isSelected: boolean;
  readonly isUnfolded: boolean;
  /** True if it is shown as a neighbour of a match. */
  readonly isAround: boolean;
  readonly onUnfold: (key: string) => void;
};

const SameRow = ({ row, zone, find, isSelected, isUnfolded, isAround, onUnfold }: Props) => {
  if (row.kind === "mark") return <MarkRow mark={row.mark} />;
  if (row.kind === "day")
    return (
      <div class="gap day">
        <span>{longDayOf(row.timeMs, zone)}</span>
      </div>
    );
  if (row.kind === "skip")
    return (
      <div class="gap skip">
        <span>{linesOf(row.lines)} between</span>
      </div>
    );
  if (row.kind === "oldest")
    return (
      <div class="gap oldest">
        <span>{row.isAll ? "the oldest line that is kept" : "the oldest line that is kept and passes"}</span>
      </div>
    );
  const { line, folded } = row;
  const { time, ms } = clockOf(line.timeMs, zone);
  const edge = edgeOf(line.level, line.isNotice);
  const word = levelWordOf(line);
  return (
    <div
      class={`row${edge && ` ${edge}`}${isSelected ? " selected" : ""}${line.isTrace ? " trace" : ""}${isAround ? " around" : ""}`}
      data-key={line.key}
    >
      <span class="time">
        {time}
        <span class="ms">{ms}</span>
      </span>
      <Process line={line} />
      <span class="text">
        {word && <b class={`level ${edge}`}>{word} </b>}
        <Message line={line} find={find} />
        {folded > 0 && (
          <button
            type="button"
            class="fold"
            tabIndex={-1}
            aria-expanded={isUnfolded}
            data-fold={line.key}
            onClick={() => onUnfold(line.key)}
          >
            {isUnfolded ? "▾" : "▸"} {folded} lines of stack trace
          </button>
        )}
      </span>
    </div>
  );
};

export const LogRow = memo(SameRow);

function MarkRow({ mark }: { mark: Mark }) {
  const { seconds, missing, from, to } = mark;
  const loss =
    missing === undefined || missing === 0
      ? "nothing missing"
      : `${countOf(missing)} ${missing === 1 ? "line" : "lines"} gone: retention took them meanwhile`;
  return (
    <div class={`gap${missing ? " bad" : ""}`}>
      <span>
        connection resumed after {durationOf(seconds)} · {loss} ({short(from)} → {short(to)})
      </span>
    </div>
  );
}

/** The part of a position that people can compare. */
export const short = (position: string): string => position.split(".").slice(0, 2).join(".");
