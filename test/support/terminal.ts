/** Runs the command line on a pseudo-terminal: `script`, which every Debian has (bsdutils). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mainFile } from "./cli.ts";

/** What a terminal got, byte by byte, but for the carriage returns that it puts before line feeds itself. */
export type Shown = { readonly status: number | null; readonly text: string };

/** Runs a line of shell in which `tailrace` is the command; standard input, output and error are a terminal. */
export async function runInTerminal(line: string, env: Record<string, string>): Promise<Shown> {
  const defined = `tailrace() { '${process.execPath}' '${mainFile}' "$@"; }; ${line}`;
  // Its own standard input stays open: an end there would be typed as Ctrl-D.
  const child = spawn("script", ["--quiet", "--return", "--command", defined, "/dev/null"], {
    env: { TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  const [status] = await once(child, "close");
  return { status, text: text.replaceAll("\r\n", "\n") };
}
