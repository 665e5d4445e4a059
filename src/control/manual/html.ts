/**
 * Renders our Markdown as HTML. HTML in it is dropped, except the anchors of clauses, `<a id="w1-2">`; links are kept
 * only if they lead somewhere.
 */
import { Marked } from "marked";
import { escaped } from "../html-text.ts";

/** `resolve` returns the address of a link's target, or undefined if the link must become plain text. */
export function htmlOf(markdown: string, resolve: (target: string) => string | undefined): string {
  const ids = new Map<string, number>();
  const marked = new Marked({
    gfm: true,
    renderer: {
      html({ text }) {
        const id = /^<a id="([a-z0-9-]+)">/.exec(text)?.[1];
        return id === undefined ? "" : `<a id="${id}"></a>`;
      },
      heading({ tokens, depth, text }) {
        const id = idOf(text, ids);
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)} <a class="anchor" href="#${id}" aria-label="Link to this section">#</a></h${depth}>\n`;
      },
      link({ href, tokens }) {
        const text = this.parser.parseInline(tokens);
        const to = resolve(href);
        return to === undefined ? text : `<a href="${escaped(to)}">${text}</a>`;
      },
      image({ href, text }) {
        const to = resolve(href);
        return to === undefined ? escaped(text) : `<img src="${escaped(to)}" alt="${escaped(text)}">`;
      },
      table({ header, rows }) {
        const cells = (tag: string, row: typeof header) =>
          `<tr>${row.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join("")}</tr>`;
        return `<div class="table"><table><thead>${cells("th", header)}</thead><tbody>${rows.map((row) => cells("td", row)).join("")}</tbody></table></div>\n`;
      },
    },
  });
  return marked.parse(markdown, { async: false });
}

/** The id of a section, made like GitHub's: lower case, no punctuation, dashes for spaces, numbered when it repeats. */
export function idOf(heading: string, taken: Map<string, number>): string {
  const plain = heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, "")
    .trim()
    .replaceAll(" ", "-");
  const before = taken.get(plain) ?? 0;
  taken.set(plain, before + 1);
  return before === 0 ? plain : `${plain}-${before}`;
}
