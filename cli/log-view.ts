/** The output of `logs`: lines on stdout; on stderr the extent of searches, and anything that cannot be shown. */
import type { Api } from "./api.ts";
import type { SessionBody } from "./api-types.ts";
import { type FollowOptions, follow } from "./follow.ts";
import type { AppLine } from "./interleave.ts";
import type { Output } from "./output.ts";
import { count, nothingFound, type Searched, searchOutcome, searchProgress } from "./search-words.ts";
import type { LogForm } from "./view/log-form.ts";

export type LogViewOptions = {
  readonly api: Api;
  readonly output: Output;
  readonly session: SessionBody;
  readonly form: LogForm;
  /** As many lines were asked for. */
  readonly asked: number | undefined;
  readonly colours: boolean;
};

/** Lines that wait for what follows them are shown when nothing came for so long. */
const quietMs = 150;

export class LogView {
  readonly #options: LogViewOptions;
  /** Apps of which a line was shown. */
  readonly #shown = new Set<string>();
  readonly #searched = new Map<string, Searched>();
  /** Notices that were given: the tail that follows a history finds the same. */
  readonly #said = new Set<string>();
  #quiet: NodeJS.Timeout | undefined;

  constructor(options: LogViewOptions) {
    this.#options = options;
  }

  /** Follows one app: its history, and what comes after it when `tail`. */
  follow(app: string, tail: boolean, after = ""): ReturnType<typeof follow> {
    const { api, session, output } = this.#options;
    return follow({
      api,
      app,
      session: { ...session, tail },
      ...(after !== "" && { after }),
      note: (text) => output.note(text),
      onOpened: (opened) => this.#tellMost(app, opened),
      onSearched: (searched) => this.#see(app, searched),
    });
  }

  /** Shows everything of one app. */
  async all(app: string, after = ""): Promise<void> {
    const lines = this.follow(app, this.#options.session.tail, after);
    for await (const read of lines) await this.show(read.map((line) => ({ app, ...line })));
    await this.end();
  }

  async show(lines: readonly AppLine[]): Promise<void> {
    const { form } = this.#options;
    clearTimeout(this.#quiet);
    for (const { app } of lines) this.#shown.add(app);
    await this.#write(form.push(lines));
    if (form.isOpen()) this.#quiet = setTimeout(() => void this.end(), quietMs);
  }

  /** Shows what waits. */
  async end(): Promise<void> {
    clearTimeout(this.#quiet);
    await this.#write(this.#options.form.end());
  }

  /** Tells, behind the last line, everything that the lines themselves do not say. */
  tellOutcome(app: string): void {
    const { session } = this.#options;
    const searched = this.#searched.get(app);
    const isSilent = searched === undefined && !this.#shown.has(app) && session.lines !== 0;
    const outcome = searched ? searchOutcome(app, session, searched) : isSilent && nothingFound(app, session);
    if (outcome) this.#say(outcome);
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
    if (session.tail) this.tellOutcome(app); // its lines have no end
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
