/** An app on this machine: built, released, its dynos run, a router in front of them, and everything told in its log. */
import { dirname, join, resolve } from "node:path";
import type { Api } from "../api.ts";
import type { App, FormationUpdate } from "../api-types.ts";
import type { Variables } from "../environment.ts";
import type { CliError } from "../errors.ts";
import type { Output } from "../output.ts";
import { build, buildSteps, withPrograms } from "./build.ts";
import { upClock } from "./clock.ts";
import { Dynos } from "./dynos.ts";
import { dynoLimits, logGraceMs, routerGraceMs, routerLimits } from "./limits.ts";
import { readMemory } from "./memory.ts";
import { watchMemory } from "./memory-watch.ts";
import { readEnvFile, readProcfile } from "./procfile.ts";
import { release } from "./release.ts";
import { Router } from "./router/router.ts";
import { RunnerLink } from "./runner-link.ts";
import { UpLog } from "./up-log.ts";

export type UpOptions = {
  readonly app: string;
  /** The path of the Procfile; its folder is the app's. */
  readonly procfile: string;
  readonly scale: readonly FormationUpdate[];
  readonly build: string | undefined;
  readonly port: number;
};

/** The variables of `up` that are nothing to an app: what it prints may be read by many. */
const ownVariables = ["TAILRACE_API_KEY"];

/** The signals that `up` is to end, in good order or now. */
export type Ending = {
  /** Aborted when `up` is to end in good order. */
  readonly soon: AbortSignal;
  /** Aborted when it is to end now. */
  readonly now: AbortSignal;
};

export async function up(
  { api, output, variables }: { readonly api: Api; readonly output: Output; readonly variables: Variables },
  options: UpOptions,
  ending: Ending,
): Promise<void> {
  const path = resolve(options.procfile);
  const folder = dirname(path);
  const procfile = readProcfile(path);
  const own = Object.fromEntries(Object.entries(variables).filter(([name]) => !ownVariables.includes(name)));
  const base = { ...own, ...readEnvFile(join(folder, ".env")) };
  const environment = (config: Readonly<Record<string, string>>) =>
    withPrograms(folder, { ...base, ...config });

  const app = await appOf(api, options.app, output);
  const { email: user } = await api.account();
  const log = new UpLog(api, app.name, output);
  ending.now.addEventListener("abort", () => log.giveUp());
  const ended = new AbortController();
  const signal = AbortSignal.any([ending.soon, ended.signal]);
  let lost: CliError | undefined;
  const dynos = new Dynos({
    folder,
    environment,
    outputOf: (dyno) => log.outputOf("app", dyno),
    state: (dyno, text) => log.state(dyno, text),
    onChange: () => {
      link.changed();
      router?.changed();
    },
    clock: upClock,
    limits: dynoLimits,
  });
  ending.now.addEventListener("abort", () => dynos.kill());
  const link = new RunnerLink({
    api,
    app: app.name,
    dynos: () => dynos.reports,
    onWanted: (wanted) => dynos.follow(wanted),
    onEnd: (error) => {
      lost = error;
      ended.abort();
    },
    onAway: ({ message }) => output.note(`tailrace: ${message} The dynos go on as they are.`),
    clock: upClock,
  });
  await link.register();
  let router: Router | undefined;
  try {
    router = await Router.open({
      host: "127.0.0.1",
      port: options.port,
      dynos: () => dynos.web,
      tell: (line) => log.router(line),
      room: (over) => log.room(over),
      clock: upClock,
      limits: routerLimits,
    });
    const config = await api.configVars(app.name);
    const common = { folder, environment: environment(config), log, output, user, signal };
    await build({ ...common, steps: buildSteps(folder, options.build) });
    await release({ ...common, api, app: app.name, procfile });
    if (options.scale.length > 0) await api.scale(app.name, options.scale);
    const wanted = await api.wanted(app.name);
    dynos.follow(wanted);
    link.start(wanted);
    const watching = watchMemory(
      {
        appId: app.id,
        dynos: () => dynos.all,
        tell: (dyno, text) => log.state(dyno, text),
        read: readMemory,
        clock: upClock,
      },
      signal,
    );
    output.note(`tailrace: ${app.name} is on http://127.0.0.1:${router.port}. Ctrl-C ends it.`);
    await watching;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await router?.close(ending.now.aborted ? 0 : routerGraceMs);
    await dynos.close();
    await link.close();
    await log.close(logGraceMs);
  }
  if (lost !== undefined) throw lost;
}

/** The app of that name; made when it is not there. */
async function appOf(api: Api, name: string, output: Output): Promise<App> {
  const known = (await api.apps()).find((app) => app.name === name || app.id === name);
  if (known !== undefined) return known;
  const made = await api.createApp(name);
  output.note(`tailrace: The app ${made.name} was made.`);
  return made;
}
