/** Everything about one line: when, who, where in the log, its whole text, and its fields as a tree. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icons.tsx";
import { clockOf, countOf, dayOf } from "../parts/words.ts";
import { JsonTree } from "./json-tree.tsx";
import type { Line } from "./line.ts";
import { logfmtOf } from "./logfmt.ts";
import { objectIn } from "./message.ts";
import { Plain } from "./message-text.tsx";

/** How much of a text is shown, which is more than a line has: a trace may have thousands of them. */
const textCharsMax = 300_000;

type Props = {
  readonly line: Line;
  /** The lines of the stack trace that it begins. */
  readonly trace: readonly string[];
  readonly link: string;
  readonly onNeighbours: (() => void) | undefined;
  readonly onClose: () => void;
};

export function LineDetail({ line, trace, link, onNeighbours, onClose }: Props) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), []);
  const text = [line.message, ...trace].join("\n");
  const object = objectIn(line.message);
  const fields = object === undefined ? [...logfmtOf(line.message)] : [];
  return (
    <section ref={box} class="detail" tabIndex={-1} aria-label="the line">
      <header>
        <h2>
          {line.source}[{line.dyno}]
        </h2>
        <Copy what={text} name={trace.length > 0 ? "Copy all" : "Copy"} />
        <Copy what={link} name="Copy link" />
        {onNeighbours && (
          <button type="button" class="ghost" onClick={onNeighbours}>
            Show neighbours
          </button>
        )}
        <button type="button" class="square end" aria-label="close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <dl class="facts">
        <dt>time</dt>
        <dd>{timesOf(line.timeMs)}</dd>
        <dt>level</dt>
        <dd>{line.level}</dd>
        <dt>position</dt>
        <dd>{line.position}</dd>
        {line.number !== undefined && (
          <>
            <dt>number</dt>
            <dd>{countOf(line.number)}</dd>
          </>
        )}
      </dl>
      <pre class="whole-text" tabIndex={0} aria-label="the text">
        <Plain text={text.slice(0, textCharsMax)} find={undefined} />
        {text.length > textCharsMax && (
          <span class="mute"> … {countOf(text.length - textCharsMax)} characters more, which Copy has</span>
        )}
      </pre>
      {object !== undefined && <JsonTree value={object} />}
      {fields.length > 1 && (
        <table class="fields">
          <tbody>
            {fields.slice(0, 100).map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <Plain text={value} find={undefined} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const timesOf = (timeMs: number): string =>
  Number.isFinite(timeMs)
    ? `${new Date(timeMs).toISOString()} · here ${dayOf(timeMs, "local")}, ${clockOf(timeMs, "local").time}`
    : "none";

function Copy({ what, name }: { what: string; name: string }) {
  const [said, setSaid] = useState(name);
  const copy = async () => setSaid((await copied(what)) ? "Copied" : "Not copied");
  return (
    <button type="button" class="ghost" onClick={copy}>
      {said}
    </button>
  );
}

/** Over plain HTTP, browsers give pages no clipboard; then the old way is tried. */
export async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
