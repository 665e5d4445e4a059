/** A real rsyslogd that follows a file and sends its lines on as docs/sending.md says. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const binary = process.env.RSYSLOGD || (existsSync("/usr/sbin/rsyslogd") ? "/usr/sbin/rsyslogd" : "rsyslogd");

export class RsyslogSender {
  readonly #folder: string;
  readonly #child: ChildProcess;
  /** Everything that it said. */
  said = "";

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder;
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (data) => (this.said += data));
  }

  static async start(configuration: string): Promise<RsyslogSender> {
    const folder = await mkdtemp(join(tmpdir(), "tailrace-rsyslog-sender-"));
    await writeFile(join(folder, "in"), "");
    const config = `global(workDirectory="${folder}" maxMessageSize="300k")
module(load="imfile" mode="inotify")
${configuration}
input(type="imfile" file="${folder}/in" tag="numbered:" severity="info" facility="local0")
`;
    await writeFile(join(folder, "config"), config);
    const args = ["-n", "-C", "-f", join(folder, "config"), "-i", join(folder, "pid")];
    return new RsyslogSender(folder, spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] }));
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
