/** Checks the machine: its clock, and how many files a process may open. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { openFilesMax } from "../files/open-files.ts";
import { type Finding, unknown, warning, well } from "./finding.ts";

const filesMin = 10_000;
const askMsMax = 3_000;

export const lookAtFiles = (filesMax: number = openFilesMax()): Finding =>
  filesMax < filesMin
    ? warning(
        "files",
        `this user's processes may open ${filesMax} files, so ${Math.floor(filesMax * 0.45)} log streams at most`,
        "Raise the limit (`ulimit -n`, `LimitNOFILE=` of a systemd unit) to 65536.",
      )
    : well("files", `a process may open ${Number.isFinite(filesMax) ? filesMax : "any number of"} files`);

type Ask = () => Promise<string>;

const askTimedatectl: Ask = async () =>
  (
    await promisify(execFile)("timedatectl", ["show", "-p", "NTPSynchronized", "--value"], {
      timeout: askMsMax,
    })
  ).stdout.trim();

/** Something must keep the clock right: retention depends on it, and so do the times that readers see. */
export async function lookAtClock(ask: Ask = askTimedatectl): Promise<Finding> {
  const answer = await ask().catch(() => "");
  if (answer === "yes") return well("clock", "it is kept by NTP");
  return answer === "no"
    ? warning(
        "clock",
        "nothing keeps it right",
        "Turn NTP on: `timedatectl set-ntp true`, or install chrony.",
      )
    : unknown(
        "clock",
        "whether NTP keeps it cannot be seen here",
        "Ask `chronyc tracking`, or the machine's host.",
      );
}
