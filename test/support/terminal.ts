/** Runs the command line on a pseudo-terminal: `script`, which every Debian has (bsdutils). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mainFile } from "./cli.ts";

/** What a terminal got, byte by byte, but for the carriage returns that it puts before line feeds itself. */
type Shown = { readonly status: number | null; readonly text: string };

/** Runs a line of shell in which `tailrace` is the command; standard input, output and error are a terminal. */
export const runInTerminal = (line: string, env: Record<string, string>, typed?: Typed): Promise<Shown> =>
  runScript(`tailrace() { '${process.execPath}' '${mainFile}' "$@"; }; ${line}`, env, typed);

/** Keys that are typed once the terminal shows a text. */
type Typed = { readonly after: string; readonly keys: string };

/** Runs a line of shell as it is, in a terminal. */
export async function runScript(line: string, env: Record<string, string>, typed?: Typed): Promise<Shown> {
  // Its own standard input stays open: an end there would be typed as Ctrl-D.
  const child = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
    env: { TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
  });
  let text = "";
  let isTyped = typed === undefined;
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
    if (isTyped || !text.includes(typed!.after)) return;
    isTyped = true;
    child.stdin.write(typed!.keys);
  });
  const [status] = await once(child, "close");
  return { status, text: text.replaceAll("\r\n", "\n") };
}
