/**
 * Runs the examples of a Markdown page, top to bottom, as a reader would who follows it in terminals on a fresh
 * checkout. What a page can say, all of it in the info string of a fence, which no renderer shows:
 *
 *   ```sh            Typed into the reader's terminal: one bash for the whole page, so `cd`, `alias` and `export` stay.
 *                    Every command has to succeed.
 *   ```sh &server    Typed into a terminal of its own that starts as a copy of the first, and left running under the
 *                    name `server` until the page ends; then Ctrl-C ends it.
 *   ```text          Right after a ```sh block: all that it printed, line by line. After ```sh &server: what it has to
 *                    print by and by, in this order; other lines may stand between.
 *   ```text &server  The same for what `server` prints from here on, further down the page.
 *
 * In expected text `…` stands for any part of a line, and a line with nothing but `…` for any number of lines.
 * Fences of other languages (json, http, toml) are not run. Ports that the page writes as 127.0.0.1:PORT or
 * localhost:PORT become free ones everywhere on the page, so that nothing that runs already is in the way.
 */
import { stripVTControlCharacters } from "node:util";

/** One fence of a page that has to be run or to be seen. */
export type Example = {
  readonly kind: "sh" | "text";
  /** Line of the page at which the fence opens, from 1. */
  readonly line: number;
  readonly body: string;
  /** The terminal's name without `&`; undefined for the reader's first. */
  readonly terminal: string | undefined;
  /** For text: the block right before it, if it is one of sh. */
  readonly of: Example | undefined;
};

/** The examples of a Markdown text. Throws for an info string that means nothing. */
export function examplesIn(markdown: string): Example[] {
  const examples: Example[] = [];
  const fence = /^```([^\n]*)\n([\s\S]*?)^```[ \t]*$/gm;
  let endOfLast = 0;
  for (const match of markdown.matchAll(fence)) {
    const [whole, info, body] = match as unknown as [string, string, string];
    const line = markdown.slice(0, match.index).split("\n").length;
    const before = markdown.slice(endOfLast, match.index).trim() === "" ? examples.at(-1) : undefined;
    endOfLast = match.index + whole.length;
    const [language = "", ...words] = info.trim().split(/\s+/);
    if (["bash", "shell", "console"].includes(language))
      throw new Error(`line ${line}: write sh, so that it is run`);
    if (language !== "sh" && language !== "text") continue;
    const name = /^&([\w-]+)$/.exec(words[0] ?? "")?.[1];
    if (words.length > 1 || (words.length === 1 && name === undefined))
      throw new Error(`line ${line}: "${words.join(" ")}" means nothing; write &NAME or nothing`);
    const of = language === "text" && name === undefined && before?.kind === "sh" ? before : undefined;
    examples.push({ kind: language, line, body, terminal: name ?? of?.terminal, of });
  }
  return examples;
}

/** Those below one of these headings of the second level. */
export function examplesBelow(markdown: string, headings: readonly string[]): Example[] {
  const lines = markdown.split("\n");
  const headingOf = ({ line }: Example) =>
    lines
      .slice(0, line)
      .findLast((text) => text.startsWith("## "))
      ?.slice("## ".length);
  return examplesIn(markdown).filter((example) => headings.includes(headingOf(example) ?? ""));
}

/** True when `actual` is what a page expects: `…` is any part of a line, alone any number of lines. */
export function matchesWhole(expected: string, actual: string): boolean {
  return new RegExp(`^${expectedLines(expected).map(linePattern).join("")}$`).test(
    `${plain(actual).trimEnd()}\n`,
  );
}

/** The end of the place in `actual`, free of colours, by which all lines of `expected` have come, in order; -1 while some are missing. */
export function endOfMatch(expected: string, actual: string): number {
  let at = 0;
  for (const line of expectedLines(expected).filter((line) => line.trim() !== "…")) {
    const pattern = new RegExp(`^${linePattern(line)}`, "m");
    const found = pattern.exec(actual.slice(at));
    if (found === null) return -1;
    at += found.index + found[0].length;
  }
  return at;
}

const expectedLines = (text: string) => text.replace(/\n$/, "").split("\n");

const linePattern = (line: string): string =>
  line.trim() === "…"
    ? "(?:[^\\n]*\\n)*?"
    : `${line.trimEnd().split("…").map(escapeRegExp).join("[^\\n]*?")}[ \\t]*\\n`;

const escapeRegExp = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Without colours and carriage returns. */
export const plain = (text: string) => stripVTControlCharacters(text).replaceAll("\r", "");
