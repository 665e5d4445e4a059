/** A real rsyslogd that follows a file and sends its lines on as docs/sending.md says. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FileSender } from "./file-sender.ts";

const binary = process.env.RSYSLOGD || (existsSync("/usr/sbin/rsyslogd") ? "/usr/sbin/rsyslogd" : "rsyslogd");

export const startRsyslogSender = (configuration: string): Promise<FileSender> =>
  FileSender.start({
    name: "rsyslog",
    binary,
    config: (folder) => `global(workDirectory="${folder}" maxMessageSize="300k")
module(load="imfile" mode="inotify")
${configuration}
input(type="imfile" file="${folder}/in" tag="numbered:" severity="info" facility="local0")
`,
    args: (folder) => ["-n", "-C", "-f", join(folder, "config"), "-i", join(folder, "pid")],
  });
