/** The output of `logs`: lines on stdout; on stderr, how far a search went, and anything that cannot be shown. */
import type { RE2JS } from "re2js";
import type { Api } from "../api/api.ts";
import type { SessionBody } from "../api/api-types.ts";
import { CliError } from "../errors.ts";
import type { Output } from "../output.ts";
import type { LogForm } from "../view/log-form.ts";
import { readShownLine } from "../view/shown-line.ts";
import { type FollowOptions, follow } from "./follow.ts";
import type { AppLine } from "./interleave.ts";
import { lineTest } from "./line-test.ts";
import { type NeighbourCounts, Neighbours } from "./neighbours.ts";
import { processesOf, sourcesOf, unknownProcesses, unknownSources } from "./processes.ts";
import { count, nothingFound, type Searched, searchOutcome, searchProgress } from "./search-words.ts";

type LogViewOptions = {
  readonly api: Api;
  readonly output: Output;
  readonly session: SessionBody;
  readonly form: LogForm;
  /** The number of lines that were asked for. */
  readonly asked: number | undefined;
  readonly colours: boolean;
  /** How many neighbours to show with each match. */
  readonly neighbours: NeighbourCounts | undefined;
  /** The command ends after the first line whose text matches. */
  readonly untilMatch: RE2JS | undefined;
};

/** Used for `since`: nothing is older. */
const firstTime = "1970-01-01T00:00:00Z";

/** How long lines wait for more before they are shown. */
const quietMs = 150;

export class LogView {
  readonly #options: LogViewOptions;
  /** Apps with a line that was shown. */
  readonly #shown = new Set<string>();
  readonly #searched = new Map<string, Searched>();
  /** Notices that were shown: the tail that follows a history finds the same ones. */
  readonly #said = new Set<string>();
  readonly #neighbours = new Map<string, Neighbours>();
  #quiet: NodeJS.Timeout | undefined;

  constructor(options: LogViewOptions) {
    this.#options = options;
  }

  /** Reads one app: its history and, with `tail`, what comes after it. The result is the place after the last line. */
  async *read(app: string, tail: boolean, after = ""): ReturnType<typeof follow> {
    const { session, neighbours: counts } = this.#options;
    if (counts === undefined) return yield* this.#follow(app, { ...session, tail }, after);
    const neighbours = this.#neighbours.get(app) ?? new Neighbours(lineTest(session), counts);
    this.#neighbours.set(app, neighbours);
    let place = after;
    if (after === "" && session.lines !== undefined) {
      const { before, after: following } = counts;
      const searched = { ...session, tail: false, context_before: before, context_after: following };
      place = yield* neighbours.chosen(this.#follow(app, searched, ""));
      if (!tail) return place;
    }
    const { since, until, format } = session;
    const whole = {
      ...(since === undefined ? { lines: 0 } : { since }),
      ...(until && { until }),
      tail,
      format,
    };
    return yield* neighbours.from(this.#follow(app, whole, place, neighbours));
  }

  /** `finder`: looks for the lines here, while the server passes all of them. */
  #follow(app: string, session: SessionBody, after: string, finder?: Neighbours): ReturnType<typeof follow> {
    const { api, output } = this.#options;
    return follow({
      api,
      app,
      session,
      ...(after !== "" && { after }),
      note: (text) => output.note(text),
      onOpened: (opened) => this.#tellMost(app, opened),
      onSearched: (searched) => {
        if (finder === undefined) this.#see(app, searched);
        else if (session.lines !== 0) this.#see(app, { ...searched, matches: finder.matches });
      },
    });
  }

  /** Shows everything of one app. */
  async all(app: string, after = ""): Promise<void> {
    await this.#showAll(app, this.read(app, this.#options.session.tail, after));
  }

  /** The same for a new app, from its first line on. */
  async whole(app: string): Promise<void> {
    const { lines: _, ...session } = this.#options.session;
    const neighbours =
      this.#options.neighbours && new Neighbours(lineTest(session), this.#options.neighbours);
    const { format, tail } = session;
    const asked = { ...(neighbours ? { format, tail } : session), since: firstTime };
    const reads = this.#follow(app, asked, "", neighbours);
    await this.#showAll(app, neighbours ? neighbours.from(reads) : reads);
  }

  async #showAll(app: string, lines: ReturnType<typeof follow>): Promise<void> {
    for await (const read of lines) await this.show(read.map((line) => ({ app, ...line })));
    await this.end();
  }

  async show(lines: readonly AppLine[]): Promise<void> {
    const { form } = this.#options;
    clearTimeout(this.#quiet);
    for (const { app } of lines) this.#shown.add(app);
    const last = this.#lastOf(lines);
    await this.#write(form.push(last === undefined ? lines : lines.slice(0, last + 1)));
    if (last !== undefined) {
      await this.end();
      await this.#options.output.finish();
    }
    if (form.isOpen()) this.#quiet = setTimeout(() => void this.end(), quietMs);
  }

  /** Shows what waits. */
  async end(): Promise<void> {
    clearTimeout(this.#quiet);
    await this.#write(this.#options.form.end());
  }

  /** Reports, after the last line, everything that the lines do not show themselves. */
  async tellOutcome(app: string): Promise<void> {
    const { session, api } = this.#options;
    const searched = this.#searched.get(app);
    const isSilent = searched === undefined && !this.#shown.has(app) && session.lines !== 0;
    const outcome = searched ? searchOutcome(app, session, searched) : isSilent && nothingFound(app, session);
    if (outcome) this.#say(outcome);
    const hasFound = this.#shown.has(app) || (searched?.matches ?? 0) > 0;
    if (!outcome || hasFound) return;
    // This is additional: if the server cannot tell, the search has not failed.
    const { dyno, source } = session;
    const processes = (dyno || source) && (await processesOf(api, app).catch(() => undefined));
    const sources = source && (await sourcesOf(api, app).catch(() => undefined));
    const missing = [
      processes && unknownProcesses(app, dyno, processes),
      sources && unknownSources(app, source, sources, (processes || undefined)?.names ?? []),
    ];
    for (const words of missing) if (words) this.#say(words);
  }

  /** For `--until-match`, after everything is shown: throws if nothing matched. */
  mustHaveMatched(): void {
    if (this.#options.untilMatch !== undefined)
      throw new CliError("No line matches --until-match.", "With --tail it waits for one.");
  }

  // The line that `--until-match` waits for.
  #lastOf(lines: readonly AppLine[]): number | undefined {
    const { untilMatch } = this.#options;
    if (untilMatch === undefined) return undefined;
    const at = lines.findIndex(
      (line) => !line.isGap && untilMatch.test(readShownLine("", line.line).message),
    );
    return at === -1 ? undefined : at;
  }

  async #write(text: string): Promise<void> {
    if (text !== "") await this.#options.output.write(text, this.#options.colours);
  }

  #see(app: string, searched: Searched): void {
    const { session, output } = this.#options;
    const isOver = searched.end !== null;
    output.progress(isOver || this.#shown.has(app) ? "" : searchProgress(app, searched));
    if (!isOver) return;
    this.#searched.set(app, searched);
    if (session.tail) void this.tellOutcome(app); // its lines have no end
  }

  #tellMost(app: string, { lines, linesMax }: Parameters<NonNullable<FollowOptions["onOpened"]>>[0]): void {
    const { asked } = this.#options;
    if (asked === undefined || lines === undefined || asked <= lines) return;
    this.#say(
      `${app}: ${count(asked)} lines were asked for, and this server shows ${count(linesMax ?? lines)} at most. With --since it shows all since then.`,
    );
  }

  #say(text: string): void {
    if (!this.#said.has(text)) this.#options.output.note(text);
    this.#said.add(text);
  }
}
