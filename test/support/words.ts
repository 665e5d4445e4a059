/** The words of `docs/glossary.md`, and those that were given up for them. */
import { readText } from "./sources.ts";

/** A row of the glossary. */
type GlossaryRow = { readonly word: string; readonly means: string; readonly not: readonly string[] };

export const glossary = (): GlossaryRow[] =>
  readText("docs/glossary.md")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| Word "))
    .map((line) => {
      const [word = "", means = "", not = ""] = line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim());
      return { word, means, not: not.split(", ").filter((other) => other !== "") };
    });

type RetiredWord = {
  /** Parts of identifiers and of file names, in lower case: `frame id` is `frameId`, `FrameId` or `frame-id.ts`. */
  readonly word: string;
  readonly instead: string;
  /** Where it still is: the start of a path. Whoever takes the last one away takes this away. */
  readonly stillIn?: readonly string[];
};

export const retiredWords: readonly RetiredWord[] = [
  { word: "accounts", instead: "ledger" },
  { word: "charge", instead: "assignment" },
  { word: "charges", instead: "assignments" },
  { word: "cutter", instead: "batcher" },
  {
    word: "doubt",
    instead: "unconfirmed, redelivery",
    stillIn: ["src/registry/drain-checkpoint.ts"], // as 0.1 wrote it
  },
  { word: "doubtful", instead: "unconfirmed" },
  { word: "frame id", instead: "dedup id (of a request), parcel id (of what a drain sends)" },
  { word: "frame ids", instead: "dedup ids, parcel ids" },
  { word: "grave", instead: "tombstone" },
  { word: "graves", instead: "tombstones" },
  { word: "keeper", instead: "checkpoint" },
  { word: "lane", instead: "append queue" },
  { word: "lanes", instead: "append queues" },
  { word: "leg", instead: "delivery range" },
  { word: "outlet", instead: "slot" },
  { word: "pending bytes", instead: "memory budget" },
  { word: "trial", instead: "test line" },
  { word: "trims", instead: "retention" },
  { word: "turnstile", instead: "semaphore" },
  { word: "wish", instead: "slot (of a connection), replay" },
];

/** Words of the glossary that no source has yet: the work that brings them is under way, and takes them away here. */
export const wordsToCome: readonly string[] = [];

/** The words of the identifiers in a source, one text for each: `frameIds` is `frame ids`. */
export function wordsOfCode(text: string): string[] {
  const code = text
    .replace(/\/\*[\s\S]*?\*\/|(?:^|\s)\/\/.*/gm, " ")
    .replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, '""');
  return [...code.matchAll(/[A-Za-z_$][\w$]*/g)].map(([identifier]) =>
    identifier
      .split(/(?<=[a-z0-9])(?=[A-Z])|_/)
      .join(" ")
      .toLowerCase(),
  );
}

/** The words of a file's name: `src/drains/state-keeper.ts` is `state keeper`. */
export const wordsOfPath = (path: string): string =>
  path.split("/").at(-1)!.replace(/\..*$/, "").replaceAll("-", " ").toLowerCase();
