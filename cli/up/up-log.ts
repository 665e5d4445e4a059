/**
 * Sends everything that `up` reports to the app's log and to the screen. Dynos' lines wait when the server is slow or
 * away, like those of `run`; lines of one source stay in order.
 */
import type { Level } from "../../src/core/message/level.ts";
import type { Api } from "../api/api.ts";
import { AwayNote } from "../local/away-note.ts";
import type { OutputName } from "../local/child-group.ts";
import { appDestinations, type Destination } from "../local/destinations.ts";
import { sendLastLines } from "../local/last-lines.ts";
import { firstPiece } from "../local/line-splitter.ts";
import { LineSource } from "../local/parcel.ts";
import { type LineOptions, ProgramLines } from "../local/program-lines.ts";
import { linesWere } from "../local/shipper.ts";
import type { Output } from "../output.ts";
import { OutputTurns } from "./output-turns.ts";
import { ProcessOutput } from "./process-output.ts";
import { UpScreen } from "./screen.ts";
import { UpShippers } from "./shippers.ts";

/** `local7.info`, `local7.err`, `local0.info` and `local3.info`, as on Heroku (docs/spec/wire-in.md#w6-6). */
const pris = { stdout: 190, stderr: 187, platform: 134, router: 158 } as const;
const severities: { readonly [Name in OutputName]: Level } = { stdout: "info", stderr: "err" };

/** The output of one process. */
export type OutputLog = {
  /** Takes output as it comes; the process waits while a promise is pending. */
  readonly take: (stream: OutputName, chunk: Buffer) => Promise<void> | undefined;
  /** Resolves when all of it is lines; undefined if it is. */
  readonly end: () => Promise<void> | undefined;
};

/** The sources of the app's own lines and of the platform's. */
type SourceName = "app" | "heroku";

export class UpLog {
  readonly #output: Output;
  readonly #screen: UpScreen;
  readonly #lineOptions: LineOptions;
  readonly #logs: { readonly [Name in SourceName]: Destination };
  readonly #shippers: UpShippers;
  readonly #turns = new OutputTurns();
  /** The writers of the platform's own lines. */
  readonly #sources = new Map<string, LineSource>();
  readonly #away: AwayNote;

  /** `lines`: how the output of dynos becomes lines. */
  constructor(api: Api, app: string, output: Output, lines: LineOptions) {
    this.#output = output;
    this.#screen = new UpScreen(app, output);
    this.#lineOptions = lines;
    const [appLog, herokuLog] = appDestinations(api, app, ["app", "heroku"]) as [Destination, Destination];
    this.#logs = { app: appLog, heroku: herokuLog };
    this.#away = new AwayNote(output, appLog.host);
    this.#shippers = new UpShippers({
      heroku: herokuLog,
      onRefused: ({ message, mend }) =>
        output.note(`tailrace: From now on nothing is logged: ${message}`, mend),
      ...this.#away.calls,
    });
  }

  /** The output of a process, `app[web.1]` or `heroku[build]`. */
  outputOf(source: SourceName, process: string): OutputLog {
    const shipper = this.#shippers[source];
    const lines = {
      stdout: this.#linesOf(source, process, "stdout"),
      stderr: this.#linesOf(source, process, "stderr"),
    };
    const never = new AbortController().signal;
    return new ProcessOutput({
      turns: this.#turns,
      lines,
      hold: () => {
        const shown = this.#screen.flush();
        if (shown === undefined && shipper.hasRoom) return undefined;
        return Promise.all([shown, shipper.room(never)]).then(() => {});
      },
    });
  }

  /** A line of the platform: `heroku[web.1]: State changed …`. These are few and never dropped. */
  state(process: string, text: string): void {
    this.#add("heroku", process, text, { pri: pris.platform, vital: true });
  }

  /** A dyno's memory sample, which goes only to the log: nobody wants to see that three times a minute. */
  sample(process: string, text: string): void {
    this.#add("heroku", process, text, { pri: pris.platform, vital: true }, false);
  }

  /** `app[api]: Build started …`. */
  api(text: string): void {
    this.#add("app", "api", text, { pri: pris.platform, vital: true });
  }

  /** `heroku[router]: at=info …`. */
  router(text: string): void {
    this.#add("heroku", "router", text, { pri: pris.router });
  }

  /** Resolves when the log has room for lines of the platform; undefined if it has room now. */
  room(signal: AbortSignal): Promise<void> | undefined {
    return this.#shippers.heroku.hasRoom ? undefined : this.#shippers.heroku.room(signal);
  }

  /**
   * Resolves when the server has everything, so that the server's own lines come after it, or when `signal` is aborted.
   */
  async delivered(signal: AbortSignal): Promise<void> {
    const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    if (!signal.aborted) await Promise.race([this.#shippers.idle(), aborted]);
  }

  /** Sends what waits, within `graceMs` or until `giveUp`. */
  async close(graceMs: number): Promise<void> {
    this.#away.end();
    this.#screen.close();
    const { dropped, lost, reason } = await sendLastLines(
      this.#shippers,
      this.#output,
      graceMs,
      this.#logs.app.host,
    );
    if (dropped > 0)
      this.#output.note(
        `tailrace: ${linesWere(dropped)} dropped (L12): no more of them could wait, and the server took none.`,
      );
    if (lost > 0)
      this.#output.note(
        `tailrace: ${linesWere(lost)} not logged${reason === undefined ? "" : `: ${reason}`}`,
      );
  }

  /** Ends the current tries. */
  giveUp(): void {
    this.#shippers.giveUp();
  }

  #linesOf(source: SourceName, process: string, stream: OutputName): ProgramLines {
    const pri = source === "app" ? pris[stream] : pris.platform;
    const severity = source === "app" ? severities[stream] : "info";
    const shipper = this.#shippers[source];
    const both: Pick<typeof shipper, "add"> = {
      add: (writer, bytes, start, end, whole) => {
        shipper.add(writer, bytes, start, end, whole);
        const message = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
        this.#screen.add(source, process, severity, message);
      },
    };
    return new ProgramLines(both, this.#logs[source], { pri, process }, this.#lineOptions);
  }

  #add(
    source: SourceName,
    process: string,
    text: string,
    kind: { pri: number; vital?: true },
    isShown = true,
  ): void {
    const line = firstPiece(text);
    const writer = this.#sourceOf(source, process, kind);
    this.#shippers[source].add(writer, line, 0, line.length, true);
    if (!isShown) return;
    this.#screen.add(source, process, "info", text);
    void this.#screen.flush();
  }

  #sourceOf(source: SourceName, process: string, kind: { pri: number; vital?: true }): LineSource {
    const key = `${source} ${process} ${kind.pri}`;
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    const made = new LineSource(this.#logs[source], { ...kind, process });
    this.#sources.set(key, made);
    return made;
  }
}
