/** Registers a release with the server, and runs its `release:` line before any dyno runs it. */
import type { Api } from "../api/api.ts";
import { CliError } from "../errors.ts";
import type { Output } from "../output.ts";
import { deployWords, runToEnd } from "./build.ts";
import type { Procfile } from "./procfile.ts";
import type { UpLog } from "./up-log.ts";

type ReleaseOptions = {
  readonly api: Api;
  readonly app: string;
  readonly procfile: Procfile;
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: UpLog;
  readonly output: Output;
  readonly user: string;
  readonly signal: AbortSignal;
};

/** Throws if the `release:` line fails; then the previous release stays in force. */
export async function release(options: ReleaseOptions): Promise<void> {
  const { api, app, procfile, folder, log, user } = options;
  const command = procfile.release;
  await log.delivered(options.signal);
  const { version } = await api.deploy(app, {
    description: await deployWords(folder),
    process_types: Object.fromEntries(procfile.types),
    status: command === undefined ? "succeeded" : "pending",
  });
  if (command === undefined) return;
  const dyno = `release.${version}`;
  log.api(`Running release v${version} commands by user ${user}`);
  log.state(dyno, `Starting process with command \`${command}\``);
  log.state(dyno, "State changed from starting to up");
  const status = await runToEnd(
    {
      ...options,
      environment: { ...options.environment, DYNO: dyno },
      command,
      name: dyno,
      log: log.outputOf("app", dyno),
    },
    log,
  );
  log.state(dyno, `Process exited with status ${status}`);
  log.state(dyno, `State changed from up to ${status === 0 ? "complete" : "crashed"}`);
  await api.finishRelease(app, version, status === 0 ? "succeeded" : "failed");
  if (status !== 0)
    throw new CliError(
      `The release line failed: "${command}" ended with status ${status}.`,
      `Its output is above, and in the app's log as app[${dyno}]. Nothing of release v${version} was started.`,
    );
}
