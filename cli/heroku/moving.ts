/**
 * Creates here what exists at Heroku: the app, a token for the lines that Heroku forwards, and the app's own drains.
 * Whatever already exists here is left alone, so a second run creates nothing twice. Drains of add-ons are reported but
 * not created: they belong to their provider, and their address works only for the app at Heroku.
 */
import type { Api } from "../api/api.ts";
import type { IngestToken } from "../api/api-types.ts";
import { CliError } from "../errors.ts";
import type { AddonThere, AppThere, TelemetryThere, Unread } from "./app-there.ts";

/** The source of lines whose sender names none; others keep `app` and `heroku`, as at Heroku. */
const tokenSource = "heroku-drain";

type MovedDrain = {
  readonly url: string;
  /** `leads here`: this server's own address, which must not get its lines back. */
  readonly outcome: "added" | "present" | "to add" | "refused" | "left out" | "leads here";
  readonly reason?: string;
};

export type MovedApp = {
  readonly app: string;
  readonly outcome: "made" | "present" | "to make";
  readonly generation: "cedar" | "fir";
  readonly drains: readonly MovedDrain[];
  /** `drains`: how many of the app's drains belong to this add-on. */
  readonly addons: readonly (AddonThere & { readonly drains: number })[];
  /** The names of the app's own config vars, and those that are not set here. */
  readonly config_names: readonly string[];
  readonly config_missing: readonly string[];
  readonly domains: readonly string[];
  readonly unread: readonly Unread[];
  /** The address for senders: LOGS_URL. Null if nothing has been created yet. */
  readonly logs_url: string | null;
  /** The address for Heroku's own drain, which keeps the sources of its lines. */
  readonly drain_url: string | null;
};

/** `isDry`: create nothing. `here`: the names of existing apps. */
export async function moveApp(
  api: Api,
  there: AppThere,
  { isDry, here }: { readonly isDry: boolean; readonly here: ReadonlySet<string> },
): Promise<MovedApp> {
  const isPresent = here.has(there.name);
  if (!isPresent && !isDry) await api.createApp(there.name, there.isFir ? "fir" : undefined);
  const exists = isPresent || !isDry;
  const { app, heroku } = exists ? await tokensOf(api, there.name, isDry) : {};
  const senders = app === undefined ? undefined : hostOf(api.sendingUrl(app));
  const drains = await moveDrains(api, there, { isDry, exists, own: [api.url.host, senders] });
  const ofAddons = new Set(there.addons.flatMap(({ configNames }) => configNames));
  const names = there.configNames.filter((name) => !ofAddons.has(name));
  const set = exists && names.length > 0 ? Object.keys(await api.configVars(there.name)) : [];
  return {
    app: there.name,
    outcome: isPresent ? "present" : isDry ? "to make" : "made",
    generation: there.isFir ? "fir" : "cedar",
    drains,
    addons: addonsOf(there),
    config_names: names,
    config_missing: names.filter((name) => !set.includes(name)),
    domains: there.domains,
    unread: there.unread,
    logs_url: app === undefined ? null : api.sendingUrl(app),
    drain_url: heroku === undefined ? null : api.sendingUrl(heroku),
  };
}

async function tokensOf(
  api: Api,
  app: string,
  isDry: boolean,
): Promise<{ readonly app?: IngestToken; readonly heroku?: IngestToken }> {
  const tokens = await api.tokens(app);
  const own = tokens.find(({ name }) => name === "app");
  const heroku = tokens.find(({ name, keep_source }) => name === tokenSource && keep_source);
  if (heroku !== undefined) return { ...(own && { app: own }), heroku };
  if (isDry) return { ...(own && { app: own }) };
  return { ...(own && { app: own }), heroku: await api.createToken(app, tokenSource, { keep_source: true }) };
}

async function moveDrains(
  api: Api,
  there: AppThere,
  { isDry, exists, own }: { isDry: boolean; exists: boolean; own: readonly (string | undefined)[] },
): Promise<readonly MovedDrain[]> {
  const present = new Set(exists ? (await api.drains(there.name)).map(({ url }) => url) : []);
  const endpoints = new Set(exists && there.isFir ? await endpointsOf(api, there.name) : []);
  const moved: MovedDrain[] = [];
  const add = async (url: string, isPresent: boolean, adding: () => Promise<unknown>): Promise<void> => {
    if (own.includes(hostOf(url))) moved.push({ url, outcome: "leads here" });
    else if (isPresent) moved.push({ url, outcome: "present" });
    else if (isDry) moved.push({ url, outcome: "to add" });
    else moved.push(await outcomeOf(url, adding));
  };
  for (const { url, addon } of there.drains)
    if (addon === undefined) await add(url, present.has(url), () => api.addDrain(there.name, { url }));
  for (const drain of there.telemetry) {
    const { endpoint, signals } = drain;
    if (signals.includes("logs"))
      await add(endpoint, endpoints.has(endpoint), () => addTelemetry(api, there.name, drain));
    else moved.push({ url: endpoint, outcome: "left out", reason: "It takes no logs." });
  }
  return moved;
}

/** A drain that this server refuses is reported, and the others are added. */
async function outcomeOf(url: string, adding: () => Promise<unknown>): Promise<MovedDrain> {
  try {
    await adding();
    return { url, outcome: "added" };
  } catch (error) {
    if (error instanceof CliError && !error.passing)
      return { url, outcome: "refused", reason: `${error.message} ${error.mend}`.trim() };
    throw error;
  }
}

async function endpointsOf(api: Api, app: string): Promise<readonly string[]> {
  type Reply = { readonly exporter: { readonly endpoint: string } };
  const list = await api.call<Reply[]>("GET", `/apps/${encodeURIComponent(app)}/telemetry-drains`);
  return list.map(({ exporter }) => exporter.endpoint);
}

async function addTelemetry(api: Api, app: string, drain: TelemetryThere): Promise<void> {
  const { id } = await api.app(app);
  const { type, endpoint, headers } = drain;
  await api.call("POST", "/telemetry-drains", {
    owner: { id, type: "app" },
    exporter: { type, endpoint, headers },
    signals: drain.signals,
  });
}

const addonsOf = ({ addons, drains }: AppThere): MovedApp["addons"] =>
  addons.map((addon) => ({
    ...addon,
    drains: drains.filter((drain) => drain.addon === addon.name).length,
  }));

/** Host and port, which are all that is compared. */
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);
