/** A real syslog-ng that follows a file of BSD syslog and sends its lines on as docs/sending.md says. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
// @ts-expect-error: the scripts are plain JavaScript, so that they run where nothing is installed
import { unpackedSyslogNg } from "../../scripts/lib/syslog-ng.mjs";
import { FileSender } from "./file-sender.ts";

const binary: string =
  process.env.SYSLOG_NG || (existsSync(unpackedSyslogNg) ? unpackedSyslogNg : "syslog-ng");

export async function startSyslogNgSender(configuration: string): Promise<FileSender> {
  const { stdout } = spawnSync(binary, ["--version"], { encoding: "utf8" });
  const version = /Config version: ([\d.]+)/.exec(stdout ?? "")?.[1];
  if (version === undefined) throw new Error(`${binary} does not run as syslog-ng: npm test unpacks one`);
  return FileSender.start({
    name: "syslog-ng",
    binary,
    config: (folder) => `@version: ${version}
options { keep-hostname(yes); };
source s_src { file("${folder}/in" follow-freq(0.1)); };
${configuration}`,
    args(folder) {
      const of = (name: string) => join(folder, name);
      const own = ["-f", of("config"), "-R", of("persist"), "-p", of("pid"), "-c", of("ctl")];
      return ["-F", "--no-caps", "--stderr", ...own];
    },
  });
}
