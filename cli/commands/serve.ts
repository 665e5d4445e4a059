/** Only this command runs the server; every other command speaks HTTP to it. */
import { dirname, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { App } from "../../src/app.ts";
import type { Config } from "../../src/config.ts";
import { checkConfig, serveOptions } from "../../src/config.ts";

export function registerServe(program: Command): void {
  const command = program
    .command("serve")
    .description("run the server: ingest, tails, drains and API in one process");
  for (const option of serveOptions()) command.addOption(option);
  command.action(async (options: Config) => {
    const { serve } = await import("../../src/serve.ts"); // not loaded for the other commands, which then start faster
    await serve(checkedConfig(command, options), (app) => {
      if (process.stdout.isTTY || options.dev) process.stderr.write(welcome(app));
    });
  });
}

/** The settings; exits with status 2, naming the wrong one, if they are not valid. */
export function checkedConfig(command: Command, options: Config): Config {
  try {
    return checkConfig(options);
  } catch (cause) {
    if (cause instanceof InvalidArgumentError)
      return command.error(`error: ${cause.message}`, { exitCode: 2 });
    throw cause;
  }
}

/** The address and key file where the other commands find the server by themselves. */
const usual = { url: "http://127.0.0.1:8601", keyPath: resolve("data", "api-key") };

// The settings that another terminal needs first, if address or folder are not the default ones.
const variables = ({ url, keyPath = usual.keyPath }: App): string => {
  const data = dirname(resolve(keyPath));
  return [
    ...(url === usual.url ? [] : [`  export TAILRACE_URL=${url}\n`]),
    ...(resolve(keyPath) === usual.keyPath
      ? []
      : [`  export TAILRACE_DATA='${data.replaceAll("'", "'\\''")}'\n`]),
  ].join("");
};

const welcome = (app: App): string => `
tailrace listens on ${app.url}
${app.keyPath === undefined ? "The key is the one in TAILRACE_API_KEY." : `The key is kept in ${app.keyPath}`}

Make an app, send it logs, follow them:
${variables(app)}  tailrace apps:create todo
  tailrace run -a todo -- sh -c 'for n in 1 2 3 4 5; do echo "line $n"; sleep 1; done'
  tailrace logs -a todo --tail

`;
