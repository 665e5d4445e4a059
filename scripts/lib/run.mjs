import { spawn } from "node:child_process";
import { constants } from "node:os";
import { root } from "./paths.mjs";

/** How much of a failing tool's output is shown: more than a screenful does not help. */
const outputCharsMax = 20_000;

/** Runs a program in the checkout and keeps the end of what it printed. Status 127: there is no such program. */
export function run(program, args, { env = process.env, cwd = root } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      shell: needsShell(program),
    });
    let output = "";
    const keep = (chunk) => {
      output = (output + chunk).slice(-outputCharsMax);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", (error) => resolve({ status: 127, output: error.message }));
    child.on("close", (code, signal) => resolve({ status: statusOf(code, signal), output }));
  });
}

/** Runs a program that talks to the user itself, and passes signals on to it: what they mean is the program's to say. */
export function runInFront(program, args, { env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: "inherit" });
    const pass = (signal) => {
      // Ctrl-C and Ctrl-\ on a terminal reach the whole process group: passing them on would make it two.
      if ((signal === "SIGINT" || signal === "SIGQUIT") && process.stdin.isTTY) return;
      child.kill(signal);
    };
    for (const signal of passedOn) process.on(signal, pass);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      for (const passed of passedOn) process.off(passed, pass);
      resolve(statusOf(code, signal));
    });
  });
}

const passedOn = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"];

/** The exit status as shells report it: 128 plus the number of the signal that ended the process. */
const statusOf = (code, signal) => code ?? 128 + constants.signals[signal];

/** npm is a script on Windows, which only a shell can start. */
const needsShell = (program) => process.platform === "win32" && program === "npm";
