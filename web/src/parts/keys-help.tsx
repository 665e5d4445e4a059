/** Help for the keyboard, which `?` shows. */
import { useEffect, useRef } from "preact/hooks";
import { filterHelp } from "../log/filter-text.ts";

const keys: readonly (readonly [string, string])[] = [
  ["/", "to the filter"],
  ["s", "to the search"],
  ["n  N", "next match, the one before"],
  ["e  E", "next error, the one before"],
  ["j  k", "next line, the one before"],
  ["Enter", "all of the line"],
  ["Escape", "close what is open"],
  ["g  G", "oldest lines here, newest lines"],
  ["Home  End", "the same"],
  ["f", "follow, or pause"],
  ["w", "wrap long lines"],
  ["t", "local time, or UTC"],
  ["c  l", "copy the line, a link to it"],
  ["?", "these keys"],
];

/** True while somebody types text, so that letters are not commands. */
export const isTyping = (event: KeyboardEvent): boolean =>
  event.target instanceof HTMLElement &&
  (/^(?:INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable);

export function KeysHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const show = (event: KeyboardEvent) => {
      if (event.key !== "?" || isTyping(event)) return;
      event.preventDefault();
      if (dialog.current?.open) dialog.current.close();
      else dialog.current?.showModal();
    };
    addEventListener("keydown", show);
    return () => removeEventListener("keydown", show);
  }, []);
  return (
    <dialog ref={dialog} class="keys-help" aria-labelledby="keys-title">
      <h2 id="keys-title" tabIndex={-1} autofocus>
        Keys, and the filter’s words
      </h2>
      <div class="columns">
        <dl>
          {keys.map(([key, does]) => (
            <div key={key}>
              <dt>
                {key.split("  ").map((one) => (
                  <kbd key={one}>{one}</kbd>
                ))}
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <dl class="filter-words">
          {filterHelp.map(([word, does]) => (
            <div key={word}>
              <dt>
                <code>{word}:</code>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
          <div>
            <dt>
              <code>-healthz</code>
            </dt>
            <dd>
              not that text; -dyno:web.2 not that process; words with blanks stand in quotes: since:"28 Nov
              14:30"
            </dd>
          </div>
        </dl>
      </div>
      <form method="dialog">
        <button type="submit" class="ghost">
          Close
        </button>
      </form>
    </dialog>
  );
}
