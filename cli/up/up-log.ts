/**
 * The way of everything that `up` has to tell: to the app's log, and to the screen. The lines of dynos wait when the
 * server is slow, as those of `run` do; lines of one source arrive in their order.
 */
import { terminalText } from "../../src/core/terminal-text.ts";
import type { Api } from "../api.ts";
import type { OutputName } from "../local/child-group.ts";
import { appDestinations, type Destination } from "../local/destinations.ts";
import { sendLastLines } from "../local/last-lines.ts";
import { tryMsMax } from "../local/limits.ts";
import { firstPiece, LineSplitter } from "../local/line-splitter.ts";
import { LineSource } from "../local/parcel.ts";
import { openPost } from "../local/post-logs.ts";
import { linesWere, Shipper } from "../local/shipper.ts";
import type { Output } from "../output.ts";

/** `local7.info`, `local7.err`, `local0.info` and `local3.info`, as Heroku has them (docs/spec/wire-in.md#w6-6). */
const pris = { stdout: 190, stderr: 187, platform: 134, router: 158, notice: 172 } as const;
/** Output appears in the log at once, for an eye; a burst still goes out together. */
const batchMsMax = 25;
/** Failed tries before the person is told that the lines wait. */
const triesBeforeNote = 3;

/** The output of one process. */
export type OutputLog = {
  /** Takes output as it comes; the process waits while a promise is pending. */
  readonly take: (stream: OutputName, chunk: Buffer) => Promise<void> | undefined;
  readonly end: () => void;
};

/** The sources of the app's own lines, and of the platform's. */
type SourceName = "app" | "heroku";

export class UpLog {
  readonly #output: Output;
  readonly #logs: { readonly [Name in SourceName]: Destination };
  readonly #shippers: { readonly [Name in SourceName]: Shipper };
  readonly #closePost: () => void;
  readonly #sources = new Map<string, LineSource>();
  /** Text for the screen of the chunk that is being split. */
  #shown = "";
  #isAwayTold = false;
  /** The grace at the end tells of itself. */
  #isEnding = false;

  constructor(api: Api, app: string, output: Output) {
    this.#output = output;
    const [appLog, herokuLog] = appDestinations(api, app, ["app", "heroku"]) as [Destination, Destination];
    this.#logs = { app: appLog, heroku: herokuLog };
    const { post, close } = openPost(tryMsMax);
    this.#closePost = close;
    const notices = new LineSource(herokuLog, { pri: pris.notice, process: "up" });
    const shipper = () =>
      new Shipper({
        post,
        waitMs: batchMsMax,
        attemptsMax: Number.POSITIVE_INFINITY,
        whenFull: "hold-when-taken",
        notices,
        onRefused: ({ message, mend }) =>
          output.note(`tailrace: From now on nothing is logged: ${message}\n${mend}`),
        onRetry: (reason, attempt) => this.#away(reason, attempt),
      });
    this.#shippers = { app: shipper(), heroku: shipper() };
  }

  /** The output of a process, `app[web.1]` or `heroku[build]`. */
  outputOf(source: SourceName, process: string): OutputLog {
    const splitter = (stream: OutputName) => {
      const pri = source === "app" ? pris[stream] : pris.platform;
      const lines = this.#lines(source, process, pri);
      const shipper = this.#shippers[source];
      return new LineSplitter((bytes, start, end, whole) => {
        shipper.add(lines, bytes, start, end, whole);
        this.#show(
          source,
          process,
          Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString(),
        );
      });
    };
    const splitters = { stdout: splitter("stdout"), stderr: splitter("stderr") };
    const never = new AbortController().signal;
    return {
      take: (stream, chunk) => {
        splitters[stream].push(chunk);
        const shown = this.#flush();
        const { hasRoom } = this.#shippers[source];
        if (shown === undefined && hasRoom) return undefined;
        return Promise.all([shown, this.#shippers[source].room(never)]).then(() => {});
      },
      end: () => {
        splitters.stdout.end();
        splitters.stderr.end();
        void this.#flush();
      },
    };
  }

  /** A line of the platform: `heroku[web.1]: State changed …`. These few are never dropped. */
  state(process: string, text: string): void {
    this.#add("heroku", process, text, { pri: pris.platform, vital: true });
  }

  /** `app[api]: Build started …`. */
  api(text: string): void {
    this.#add("app", "api", text, { pri: pris.platform, vital: true });
  }

  /** `heroku[router]: at=info …`. */
  router(text: string): void {
    this.#add("heroku", "router", text, { pri: pris.router });
  }

  /** Resolves when the log has room for lines of the platform; undefined when it has. */
  room(signal: AbortSignal): Promise<void> | undefined {
    return this.#shippers.heroku.hasRoom ? undefined : this.#shippers.heroku.room(signal);
  }

  /** Resolves when the server has everything, so that what it tells itself comes behind; or when `signal` is aborted. */
  async delivered(signal: AbortSignal): Promise<void> {
    const all = Promise.all(Object.values(this.#shippers).map((shipper) => shipper.idle()));
    const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    if (!signal.aborted) await Promise.race([all, aborted]);
  }

  /** Sends what waits, within `graceMs` or until `giveUp`. */
  async close(graceMs: number): Promise<void> {
    this.#isEnding = true;
    const shippers = Object.values(this.#shippers);
    const all: Parameters<typeof sendLastLines>[0] = {
      get waiting() {
        return sumOf(shippers.map(({ waiting }) => waiting));
      },
      async close(graceMs) {
        const ends = await Promise.all(shippers.map((shipper) => shipper.close(graceMs)));
        return ends.reduce((sum, end) => ({
          delivered: sum.delivered + end.delivered,
          dropped: sum.dropped + end.dropped,
          lost: sum.lost + end.lost,
          reason: sum.reason ?? end.reason,
          cutShort: sum.cutShort || end.cutShort,
        }));
      },
    };
    const { dropped, lost, reason } = await sendLastLines(all, this.#output, graceMs, this.#logs.app.host);
    if (dropped > 0)
      this.#output.note(`tailrace: ${linesWere(dropped)} dropped (L12): the server took none.`);
    if (lost > 0)
      this.#output.note(
        `tailrace: ${linesWere(lost)} not logged${reason === undefined ? "" : `: ${reason}`}`,
      );
    this.#closePost();
  }

  /** Ends the tries under way. */
  giveUp(): void {
    for (const shipper of Object.values(this.#shippers)) shipper.giveUp();
  }

  #add(source: SourceName, process: string, text: string, kind: { pri: number; vital?: true }): void {
    const line = firstPiece(text);
    this.#shippers[source].add(
      this.#lines(source, process, kind.pri, kind.vital),
      line,
      0,
      line.length,
      true,
    );
    this.#show(source, process, text);
    void this.#flush();
  }

  #lines(source: SourceName, process: string, pri: number, vital?: true): LineSource {
    const key = `${source} ${process} ${pri}`;
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    const lines = new LineSource(this.#logs[source], { pri, process, ...(vital && { vital }) });
    this.#sources.set(key, lines);
    return lines;
  }

  #show(source: SourceName, process: string, text: string): void {
    const line = terminalText(text.replace(/[\r\n]+/g, " "), this.#output.colours());
    this.#shown += `${source}[${process}]: ${line}\n`;
  }

  #flush(): Promise<void> | undefined {
    if (this.#shown === "") return undefined;
    const shown = Buffer.from(this.#shown);
    this.#shown = "";
    return this.#output.pass("stdout", shown);
  }

  #away(reason: string, attempt: number): void {
    if (attempt !== triesBeforeNote || this.#isEnding || this.#isAwayTold) return;
    this.#isAwayTold = true;
    this.#output.note(`tailrace: ${this.#logs.app.host()} does not take the lines (${reason}); they wait`);
  }
}

type Waiting = Shipper["waiting"];

const sumOf = (each: readonly Waiting[]): Waiting =>
  each.reduce((sum, { lines, reason }) => ({ lines: sum.lines + lines, reason: sum.reason ?? reason }));
