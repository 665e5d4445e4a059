/** The text of a line in its row: a request in short form, JSON and logfmt as message and fields, with colours. */
import type { JSX } from "preact";
import { TimeShare } from "../parts/time-share.ts";
import { countOf } from "../parts/words.ts";
import type { Finding } from "./finding.ts";
import type { Line } from "./line.ts";
import { routerLineOf } from "./logfmt.ts";
import { messageOf, type Piece } from "./message.ts";
import { spansOf } from "./sgr.ts";

type Props = {
  readonly line: Pick<Line, "source" | "dyno" | "message" | "timeMs">;
  readonly find: Finding | undefined;
};

export function Message({ line, find }: Props): JSX.Element {
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
  const pieces = messageOf(line.message, line.timeMs);
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

/** The time for marking what is searched for, in all lists: rows that are drawn beyond it have no marks. */
const marking = new TimeShare();

/** True if a message contains the searched text but no part of its row shows it: then it is shown unchanged. */
const isHidden = (find: Finding, message: string, parts: readonly (string | undefined)[]): boolean =>
  marking.use(
    () => find.isIn(message) && !parts.some((part) => part !== undefined && find.isIn(part)),
    false,
  );

function PieceOf({ piece, find }: { piece: Piece; find: Finding | undefined }) {
  if (piece.kind === "name")
    return <span class="name">{find === undefined ? piece.text : markedIn(piece.text, find)}</span>;
  if (piece.kind === "quiet") return <span class="mute">{piece.text}</span>;
  return <Plain text={piece.text} find={find} />;
}

/** Text with its colours, in which matches of the search are marked. */
export function Plain({ text, find }: { text: string; find: Finding | undefined }) {
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

function markedIn(text: string, find: Finding): (string | JSX.Element)[] {
  const parts: (string | JSX.Element)[] = [];
  let from = 0;
  for (const [start, end] of marking.use(() => find.placesIn(text), [])) {
    parts.push(text.slice(from, start), <mark key={start}>{text.slice(start, end)}</mark>);
    from = end;
  }
  parts.push(text.slice(from));
  return parts;
}
