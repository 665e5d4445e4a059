/** An app on this machine: it is built and released, its dynos run behind a router, and its log reports everything. */
import { dirname, join, resolve } from "node:path";
import type { Api } from "../api/api.ts";
import type { App, FormationUpdate } from "../api/api-types.ts";
import type { Variables } from "../environment.ts";
import type { CliError } from "../errors.ts";
import type { LineOptions } from "../local/program-lines.ts";
import type { Output } from "../output.ts";
import { build, buildSteps, withPrograms } from "./build.ts";
import { upClock } from "./clock.ts";
import { Dynos } from "./dynos.ts";
import { dynoLimits, routerGraceMs, routerLimits } from "./limits.ts";
import { readMemory } from "./memory.ts";
import { watchMemory } from "./memory-watch.ts";
import { openFilesMax, withinFiles } from "./open-files.ts";
import { readEnvFile, readProcfile } from "./procfile.ts";
import { release } from "./release.ts";
import { Router } from "./router/router.ts";
import { RunnerLink } from "./runner-link.ts";
import { UpLog } from "./up-log.ts";

type UpOptions = {
  readonly app: string;
  /** The path of the Procfile, in the app's folder. */
  readonly procfile: string;
  readonly scale: readonly FormationUpdate[];
  readonly build: string | undefined;
  readonly port: number;
  /** True if the log reports the memory of dynos. */
  readonly runtimeMetrics: boolean;
  /** How the output of dynos becomes lines. */
  readonly lines: LineOptions;
  /** For lines that the server has not accepted at the end. */
  readonly graceMs: number;
};

type UpContext = { readonly api: Api; readonly output: Output; readonly variables: Variables };

/** The variables of `up` that are kept from an app, since many people may read what it prints. */
const ownVariables = ["TAILRACE_API_KEY"];
/** Without this, Python buffers output to a pipe; Heroku's dynos have it, too. */
const defaults = { PYTHONUNBUFFERED: "1" };

/** The signals that end `up`, gracefully or immediately. */
type Ending = {
  /** Aborted when `up` is to end gracefully. */
  readonly soon: AbortSignal;
  /** Aborted when it is to end immediately. */
  readonly now: AbortSignal;
};

/**
 * Resolves when it has been ended by `ending` and everything is down; rejects with the reason why `up` could not start
 * or continue.
 */
export async function up(context: UpContext, options: UpOptions, ending: Ending): Promise<void> {
  const { api, output } = context;
  const source = readSource(options, context.variables);
  const known = (await api.apps()).find(({ name, id }) => [name, id].includes(options.app));
  const name = known?.name ?? options.app;
  const log = new UpLog(api, name, output, options.lines);
  const ended = new AbortController();
  const signal = AbortSignal.any([ending.soon, ended.signal]);
  let lost: CliError | undefined;
  let router: Router | undefined;
  const dynos = openDynos(source, log, () => {
    link.changed();
    router?.changed();
  });
  const link = linkTo(context, name, dynos, (error) => {
    lost = error;
    ended.abort();
  });
  ending.now.addEventListener("abort", () => {
    log.giveUp();
    dynos.kill();
  });
  // Checks the port before an app is created for it.
  if (known === undefined) await (await openRouter(options.port, dynos, log)).close(0);
  const app = known ?? (await made(context, name));
  await link.register();
  try {
    router = await openRouter(options.port, dynos, log);
    const wanted = await deploy(context, { app, source, log, signal }, options);
    dynos.follow(wanted);
    link.start(wanted);
    const tell = (dyno: string, text: string) => log.state(dyno, text);
    const tellSample = (dyno: string, text: string) => log.sample(dyno, text);
    const watched = { appId: app.id, dynos: () => dynos.all, tell, read: readMemory, clock: upClock };
    const watching = watchMemory({ ...watched, ...(options.runtimeMetrics && { tellSample }) }, signal);
    output.note(`tailrace: ${app.name} is on http://127.0.0.1:${router.port}. Ctrl-C ends it.`);
    await watching;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await router?.close(ending.now.aborted ? 0 : routerGraceMs);
    await dynos.close();
    await link.close();
    await log.close(options.graceMs);
  }
  if (lost !== undefined) throw lost;
}

/** The folder of the Procfile, and the environment of its processes. */
function readSource({ procfile }: UpOptions, variables: Variables) {
  const path = resolve(procfile);
  const folder = dirname(path);
  const own = Object.fromEntries(Object.entries(variables).filter(([name]) => !ownVariables.includes(name)));
  const base = { ...defaults, ...own, ...readEnvFile(join(folder, ".env")) };
  return {
    folder,
    procfile: readProcfile(path),
    environment: (config: Readonly<Record<string, string>>) => withPrograms(folder, { ...base, ...config }),
  };
}
type Source = ReturnType<typeof readSource>;

const openDynos = ({ folder, environment }: Source, log: UpLog, onChange: () => void): Dynos =>
  new Dynos({
    folder,
    environment,
    outputOf: (dyno) => log.outputOf("app", dyno),
    state: (dyno, text) => log.state(dyno, text),
    onChange,
    clock: upClock,
    limits: dynoLimits,
  });

const linkTo = (
  { api, output }: UpContext,
  app: string,
  dynos: Dynos,
  onEnd: (error: CliError) => void,
): RunnerLink =>
  new RunnerLink({
    api,
    app,
    dynos: () => dynos.reports,
    onWanted: (wanted) => dynos.follow(wanted),
    onEnd,
    onAway: ({ message }) => output.note(`tailrace: ${message} The dynos go on as they are.`),
    onRefused: ({ message }) =>
      output.note(
        `tailrace: The server refuses what it is told of the dynos: ${message} They go on as they are.`,
      ),
    clock: upClock,
  });

const openRouter = (port: number, dynos: Dynos, log: UpLog): Promise<Router> =>
  Router.open({
    host: "127.0.0.1",
    port,
    dynos: () => dynos.web,
    tell: (line) => log.router(line),
    room: (over) => log.room(over),
    clock: upClock,
    limits: withinFiles(routerLimits, openFilesMax()),
  });

type Deployed = {
  readonly app: App;
  readonly source: Source;
  readonly log: UpLog;
  readonly signal: AbortSignal;
};

/** Builds, releases and scales; resolves to the state that is then wanted. */
async function deploy(
  { api, output }: UpContext,
  { app, source, log, signal }: Deployed,
  { build: command, scale }: UpOptions,
) {
  const { email: user } = await api.account();
  const { folder, procfile } = source;
  const environment = source.environment(await api.configVars(app.name));
  const common = { folder, environment, log, output, user, signal };
  await build({ ...common, steps: buildSteps(folder, command) });
  await release({ ...common, api, app: app.name, procfile });
  if (scale.length > 0) await api.scale(app.name, scale);
  return api.wanted(app.name);
}

async function made({ api, output }: UpContext, name: string): Promise<App> {
  const app = await api.createApp(name);
  output.note(`tailrace: The app ${app.name} was made.`);
  return app;
}
