/** One row: time, process, text. Text is text: nothing of it becomes HTML. */
import type { JSX } from "preact";
import { memo } from "preact/compat";
import { processText } from "../../../src/core/process-text.ts";
import { clockOf, countOf, durationOf, linesOf, longDayOf, type Zone } from "../parts/words.ts";
import type { Line } from "./line.ts";
import type { Mark } from "./line-ring.ts";
import { routerLineOf } from "./logfmt.ts";
import { messageOf, type Piece } from "./message.ts";
import { spansOf } from "./sgr.ts";
import type { Row } from "./view-rows.ts";

type Props = {
  readonly row: Row;
  readonly zone: Zone;
  readonly find: RegExp | undefined;
  readonly isSelected: boolean;
  readonly isUnfolded: boolean;
  /** It is shown as a neighbour of what was found. */
  readonly isAround: boolean;
  readonly onUnfold: (key: string) => void;
};

/** A process has one of six hues, the same always. */
export function hueOf(dyno: string): number {
  const name = dyno.split(".")[0]!;
  let hash = 7;
  for (let n = 0; n < name.length; n++) hash = (hash * 31 + name.charCodeAt(n)) >>> 0;
  return (hash % 6) + 1;
}

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
  const { line, folded } = row;
  const { time, ms } = clockOf(line.timeMs, zone);
  const kind = line.level === "error" ? " err" : line.level === "warn" || line.isNotice ? " note" : "";
  return (
    <div
      class={`row${kind}${isSelected ? " selected" : ""}${line.isTrace ? " trace" : ""}${isAround ? " around" : ""}`}
      data-key={line.key}
    >
      <span class="time">
        {time}
        <span class="ms">{ms}</span>
      </span>
      <Process line={line} />
      <span class="text">
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

function Process({ line }: { line: Line }) {
  const { source, dyno, isNotice } = line;
  const isPlatform = source === "heroku";
  const said = isPlatform ? (isNotice ? "tailrace" : dyno) : processText(line);
  const isForeign = !isPlatform && said !== dyno;
  return (
    <span
      class={`process hue-${isNotice ? 4 : hueOf(dyno)}${isForeign ? " foreign" : ""}`}
      title={`${source}[${dyno}]`}
    >
      {isPlatform && (
        <span role="img" aria-label="the platform:" title="the platform says this, no app can">
          *
        </span>
      )}
      <span class="process-name">{said}</span>
    </span>
  );
}

function MarkRow({ mark }: { mark: Mark }) {
  const { seconds, missing, from, to } = mark;
  const told =
    missing === undefined || missing === 0
      ? "nothing missing"
      : `${countOf(missing)} ${missing === 1 ? "line" : "lines"} gone: retention took them meanwhile`;
  return (
    <div class={`gap${missing ? " bad" : ""}`}>
      <span>
        connection resumed after {durationOf(seconds)} · {told} ({short(from)} → {short(to)})
      </span>
    </div>
  );
}

/** The part of a position that people can compare. */
export const short = (position: string): string => position.split(".").slice(0, 2).join(".");

function Message({ line, find }: { line: Line; find: RegExp | undefined }): JSX.Element {
  const router = routerLineOf(line.source, line.dyno, line.message);
  if (router !== undefined) {
    const { status, method, path, serviceMs, dyno, bytes, code, what } = router;
    const rest = [dyno, bytes === undefined ? "" : `${countOf(bytes)} B`, what].filter(Boolean).join(" · ");
    const took = serviceMs === undefined ? "" : ` ${countOf(serviceMs)} ms`;
    const parts = [`${status}`, code, method, path, took, rest];
    if (find !== undefined && isHidden(find, line.message, parts))
      return <Plain text={line.message} find={find} />;
    const marked = (text: string) => (find === undefined ? text : markedIn(text, find));
    return (
      <>
        <b class={`status s${Math.floor(status / 100)}`}>
          {marked(`${status}`)}
          {code && " "}
          {code && marked(code)}
        </b>{" "}
        {marked(method)} <Plain text={path} find={find} />
        {serviceMs !== undefined && <span class={serviceMs >= 1_000 ? "slow" : "mute"}>{marked(took)}</span>}
        {rest !== "" && <span class="mute"> · {marked(rest)}</span>}
      </>
    );
  }
  const pieces = messageOf(line.message);
  const shown = pieces.map(({ text }) => text);
  if (find !== undefined && isHidden(find, line.message, shown))
    return <Plain text={line.message} find={find} />;
  return (
    <>
      {pieces.map((piece, n) => (
        <PieceOf key={n} piece={piece} find={find} />
      ))}
    </>
  );
}

/** True when a message has what is searched for, and no part of its row shows it: then it is shown as it is. */
const isHidden = (find: RegExp, message: string, parts: readonly (string | undefined)[]): boolean =>
  message.search(find) !== -1 && !parts.some((part) => part !== undefined && part.search(find) !== -1);

function PieceOf({ piece, find }: { piece: Piece; find: RegExp | undefined }) {
  if (piece.kind === "name")
    return <span class="name">{find === undefined ? piece.text : markedIn(piece.text, find)}</span>;
  if (piece.kind === "quiet") return <span class="mute">{piece.text}</span>;
  return <Plain text={piece.text} find={find} />;
}

/** Text with its colours, and with what is searched for marked in it. */
export function Plain({ text, find }: { text: string; find: RegExp | undefined }) {
  return (
    <>
      {spansOf(text).map(({ text: part, classes, style }, n) => (
        <span key={n} class={classes || undefined} style={style}>
          {find === undefined ? part : markedIn(part, find)}
        </span>
      ))}
    </>
  );
}

function markedIn(text: string, find: RegExp): (string | JSX.Element)[] {
  const parts: (string | JSX.Element)[] = [];
  let from = 0;
  for (const found of text.matchAll(find)) {
    if (found[0] === "") continue;
    parts.push(text.slice(from, found.index), <mark key={found.index}>{found[0]}</mark>);
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}
