/** A real syslog-ng that follows a file of BSD syslog and sends its lines on as docs/sending.md says. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
// @ts-expect-error: the scripts are plain JavaScript, so that they run where nothing is installed
import { unpackedSyslogNg } from "../../scripts/lib/syslog-ng.mjs";

const binary: string =
  process.env.SYSLOG_NG || (existsSync(unpackedSyslogNg) ? unpackedSyslogNg : "syslog-ng");

export class SyslogNgSender {
  readonly #folder: string;
  readonly #child: ChildProcess;
  /** Everything that it said. */
  said = "";

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder;
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (data) => (this.said += data));
  }

  static async start(configuration: string): Promise<SyslogNgSender> {
    const { stdout } = spawnSync(binary, ["--version"], { encoding: "utf8" });
    const version = /Config version: ([\d.]+)/.exec(stdout ?? "")?.[1];
    if (version === undefined) throw new Error(`${binary} does not run as syslog-ng: npm test unpacks one`);
    const folder = await mkdtemp(join(tmpdir(), "tailrace-syslog-ng-sender-"));
    const of = (name: string) => join(folder, name);
    await writeFile(of("in"), "");
    await writeFile(
      of("config"),
      `@version: ${version}
options { keep-hostname(yes); };
source s_src { file("${of("in")}" follow-freq(0.1)); };
${configuration}`,
    );
    const own = ["-f", of("config"), "-R", of("persist"), "-p", of("pid"), "-c", of("ctl")];
    const args = ["-F", "--no-caps", "--stderr", ...own];
    return new SyslogNgSender(folder, spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] }));
  }

  write(lines: readonly string[]): Promise<void> {
    return appendFile(join(this.#folder, "in"), lines.map((line) => `${line}\n`).join(""));
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.pid !== undefined) {
      const gone = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await gone;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
