/** The lines of a program's output on their way to the shipper: split, joined if requested, each with its severity. */
import { levelInFields, levels } from "../../src/core/message/level.ts";
import type { Destination } from "./destinations.ts";
import { LineJoiner } from "./line-joiner.ts";
import { LineSplitter, type TakeLine } from "./line-splitter.ts";
import { LineSource } from "./parcel.ts";
import type { Shipper } from "./shipper.ts";

export type LineOptions = {
  /** Joins continuation lines and stack traces into one message. */
  readonly join?: true;
  /** Uses the level in a JSON or logfmt line as its severity. */
  readonly levelFromJson: boolean;
};

const opening = 0x7b;
const lookedBytes = 4096;
/** A line that could be logfmt with a level; this test alone rules out most. */
const logfmtForm = /(?:^|\s)(?:level|lvl|severity|loglevel|levelname)=/i;

export class ProgramLines {
  readonly #destination: Destination;
  readonly #kind: { readonly pri: number; readonly process: string };
  readonly #splitter: LineSplitter;
  readonly #joiner: LineJoiner | undefined;
  readonly #shipper: Pick<Shipper, "add">;
  readonly #hasLevels: boolean;
  /** The writers for each severity; the stream's own exists from the start. */
  readonly #sources = new Map<number, LineSource>();

  constructor(
    shipper: Pick<Shipper, "add">,
    destination: Destination,
    kind: { readonly pri: number; readonly process: string },
    { join, levelFromJson }: LineOptions,
  ) {
    this.#shipper = shipper;
    this.#destination = destination;
    this.#kind = kind;
    this.#hasLevels = levelFromJson;
    this.#joiner = join ? new LineJoiner((...line) => this.#add(...line)) : undefined;
    const joiner = this.#joiner;
    this.#splitter = new LineSplitter(
      joiner === undefined ? (...line) => this.#add(...line) : (...line) => joiner.push(...line),
    );
  }

  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk);
  }

  /** No more output will come. */
  end(): void {
    this.#splitter.end();
    this.#joiner?.flush();
  }

  readonly #add: TakeLine = (bytes, start, end, whole) => {
    const { pri } = this.#kind;
    const severity = this.#hasLevels ? severityIn(bytes, start, end) : undefined;
    this.#shipper.add(
      this.#sourceOf(severity === undefined ? pri : (pri & ~7) | severity),
      bytes,
      start,
      end,
      whole,
    );
  };

  #sourceOf(pri: number): LineSource {
    let source = this.#sources.get(pri);
    if (source === undefined) {
      source = new LineSource(this.#destination, { ...this.#kind, pri });
      this.#sources.set(pri, source);
    }
    return source;
  }
}

/** The severity that a JSON or logfmt line names. */
function severityIn(bytes: Uint8Array, start: number, end: number): number | undefined {
  const looked = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end - start, lookedBytes));
  const isJson = looked[0] === opening;
  if (!isJson && !looked.includes("=")) return undefined;
  const text = looked.toString("latin1");
  if (!isJson && !logfmtForm.test(text)) return undefined;
  const level = levelInFields(text);
  return level && levels.indexOf(level);
}
