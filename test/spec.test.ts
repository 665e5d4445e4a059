/**
 * The specification (`docs/spec/`) and its citations: every clause has its anchor and its source, every citation leads
 * to a clause, and no source cites a document that is not in the repository.
 */
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { filesIn, isThere, readText, trackedFiles } from "./support/sources.ts";

type Clause = {
  readonly page: string;
  readonly anchor: string;
  readonly number: string;
  readonly text: string;
};

const pages = filesIn("docs/spec").filter((path) => path.endsWith(".md"));
const clauses = pages.flatMap(clausesIn);
const texts = trackedFiles().filter((path) => /\.(?:md|ts|mjs|json|yml|conf)$/.test(path));

/** What a clause may name as its source; `docs/spec/README.md` says what each is. */
const sourceForm =
  /^(?:RFC \d{4} §\d+(?:\.\d+)*|HTML §\d+(?:\.\d+)*|OTLP|RELP|nginx|Heroku, (?:Logging|Log Drains|Error Codes|Platform API Reference)|logplex|log-shuttle|heroku CLI|Terraform|tailrace)$/;

describe("every clause", () => {
  test("stands in a page of the specification", () => {
    expect(clauses.length).toBeGreaterThan(100);
    const stray = pages.flatMap((page) =>
      [...readText(page).matchAll(/\*\*([A-Z]\d+\.\d+)\*\*/g)]
        .map((match) => match[1]!)
        .filter((number) => !clauses.some((clause) => clause.number === number))
        .map((number) => `${page}: ${number} is no clause: it needs an anchor in front`),
    );
    expect(stray).toEqual([]);
  });

  test("has the anchor that its number says, and both once", () => {
    const wrong = clauses.filter(({ anchor, number }) => anchor !== number.toLowerCase().replace(".", "-"));
    expect(wrong.map(({ page, number }) => `${page}: ${number}`)).toEqual([]);
    const numbers = clauses.map(({ number }) => number);
    expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).toEqual([]);
  });

  test("follows the one before it", () => {
    const places = clauses.map(({ page, number }) => {
      const [, letter, section, place] = /^([A-Z])(\d+)\.(\d+)$/.exec(number)!;
      return { page, number, letter: letter!, order: Number(section) * 1000 + Number(place) };
    });
    const wrong = places.filter(({ page, letter, order }, at) => {
      const before = places[at - 1];
      return before?.page === page && before.letter === letter && before.order >= order;
    });
    expect(wrong.map(({ page, number }) => `${page}: ${number}`)).toEqual([]);
  });

  test("names a source", () => {
    const wrong = clauses.flatMap(({ number, text }) => {
      const named = /\*\(([^*]+)\)\*$/.exec(text)?.[1]?.split("; ") ?? [];
      const isNamed = named.length > 0 && named.every((source) => sourceForm.test(source));
      return isNamed ? [] : [`${number} ends in ${text.slice(-60)}`];
    });
    expect(wrong).toEqual([]);
  });
});

describe("every citation", () => {
  test("of the specification leads to a clause", () => {
    const known = new Set(clauses.map(({ page, anchor }) => `${page}#${anchor}`));
    const wrong = texts.flatMap((path) =>
      [...readText(path).matchAll(/docs\/spec\/[\w-]+\.md(?:#[\w-]+)?/g)]
        .map(([cited]) => cited)
        .filter((cited) => !known.has(cited) && cited !== "docs/spec/README.md")
        .map((cited) => `${path}: ${cited}`),
    );
    expect(wrong).toEqual([]);
  });

  test("of a document leads to one in the repository", () => {
    const cited = texts.flatMap((path) =>
      [...readText(path).matchAll(/(?<![\w./$}-])(?:\.{1,2}\/|[\w-]+\/)*[\w-]+\.md\b/g)]
        .map(([document]) => document)
        .filter((document) => ![document, join(dirname(path), document), `docs/${document}`].some(isThere))
        .map((document) => `${path}: ${document}`),
    );
    expect([...new Set(cited)].sort()).toEqual([]);
  });

  test("of a section says of which public document", () => {
    const wrong = texts
      .filter((path) => path !== "test/spec.test.ts")
      .flatMap((path) =>
        readText(path)
          .split("\n")
          .filter((line) => line.replace(/(?:RFC \d{4}|HTML(?: standard)?),? §\d/g, "").includes("§"))
          .map((line) => `${path}: ${line.trim()}`),
      );
    expect(wrong).toEqual([]);
  });
});

describe("every link between documents", () => {
  test("leads to a heading or an anchor that is there", () => {
    const broken = texts
      .filter((path) => path.endsWith(".md"))
      .flatMap((page) =>
        [...readText(page).matchAll(/\]\(([^)#\s]*)#([^)\s]+)\)/g)]
          .filter(([, target]) => !/^[a-z]+:/.test(target!))
          .filter(([, target, anchor]) => {
            const path = target === "" ? page : join(dirname(page), target!);
            return !isThere(path) || !anchorsIn(readText(path)).has(anchor!);
          })
          .map(([link]) => `${page}: ${link}`),
      );
    expect(broken).toEqual([]);
  });
});

function clausesIn(page: string): Clause[] {
  const form = /^- <a id="([^"]+)"><\/a>\*\*([A-Z]\d+\.\d+)\*\* ((?:.+\n?)(?: {2}\S.*\n?)*)/gm;
  return [...readText(page).matchAll(form)].map(([, anchor, number, text]) => ({
    page,
    anchor: anchor!,
    number: number!,
    text: text!.replace(/\s+/g, " ").trim(),
  }));
}

/** The anchors of a page: those that are written, and those that GitHub makes of its headings. */
function anchorsIn(text: string): Set<string> {
  const written = [...text.matchAll(/<a id="([^"]+)">/g)].map((match) => match[1]!);
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-"),
  );
  return new Set([...written, ...headings]);
}
