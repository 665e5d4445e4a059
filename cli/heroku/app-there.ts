/** An app on Heroku, as far as it matters here. Of config vars, only the names are kept. */
import { appsMatching, isPattern } from "../app-names.ts";
import { CliError } from "../errors.ts";
import type { HerokuApi, Read } from "./heroku-api.ts";

type DrainThere = { readonly url: string; readonly addon?: string };
export type TelemetryThere = {
  readonly endpoint: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signals: readonly string[];
};
export type AddonThere = {
  readonly name: string;
  readonly plan: string;
  readonly configNames: readonly string[];
};
/** A part that could not be read, with Heroku's explanation. */
export type Unread = { readonly what: Part; readonly reason: string };
type Part = "drains" | "config vars" | "add-ons" | "domains";

export type AppThere = {
  readonly name: string;
  readonly isFir: boolean;
  readonly drains: readonly DrainThere[];
  readonly telemetry: readonly TelemetryThere[];
  readonly addons: readonly AddonThere[];
  readonly configNames: readonly string[];
  readonly domains: readonly string[];
  readonly unread: readonly Unread[];
};

type AppReply = {
  readonly id: string;
  readonly name: string;
  readonly generation?: string | { readonly name?: string };
};
type DrainReply = { readonly url?: unknown; readonly addon?: { readonly name?: unknown } | null };
type TelemetryReply = {
  readonly exporter?: {
    readonly type?: string;
    readonly endpoint?: string;
    readonly headers?: Record<string, string> | null;
  };
  readonly signals?: readonly string[];
};
type AddonReply = {
  readonly name?: string;
  readonly plan?: { readonly name?: string };
  readonly config_vars?: readonly string[];
};
type DomainReply = { readonly hostname?: string; readonly kind?: string };

/** The apps with these names or patterns, or all that the key may see, by name. */
export async function appsThere(api: HerokuApi, wanted: readonly string[]): Promise<readonly AppReply[]> {
  const patterns = wanted.length === 0 ? ["*"] : wanted.filter(isPattern);
  const found = new Map<string, AppReply>();
  if (patterns.length > 0) {
    const all = required(await api.list<AppReply>("/apps"), "apps");
    const names = new Set(appsMatching(patterns, all));
    for (const app of all) if (names.has(app.name)) found.set(app.name, app);
  }
  for (const name of wanted.filter((one) => !isPattern(one))) {
    const app = required(await api.one<AppReply>(`/apps/${encodeURIComponent(name)}`), `app ${name}`);
    found.set(app.name, app);
  }
  if (found.size === 0)
    throw new CliError(
      "Heroku shows this key no such app.",
      '"heroku apps --all" lists those that it may see.',
    );
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export async function appThere(api: HerokuApi, { id, name, generation }: AppReply): Promise<AppThere> {
  const isFir = (typeof generation === "string" ? generation : generation?.name) === "fir";
  const at = `/apps/${encodeURIComponent(id)}`;
  const unread: Unread[] = [];
  const taken = async <Value>(what: Part, reading: Promise<Read<Value>>, none: Value): Promise<Value> => {
    const read = await reading;
    if (read.kind === "read") return read.value;
    unread.push({ what, reason: read.message });
    return none;
  };
  const [drains, telemetry, addons, vars, domains] = await Promise.all([
    isFir ? [] : taken("drains", api.list<DrainReply>(`${at}/log-drains`), []),
    isFir ? taken("drains", api.list<TelemetryReply>(`${at}/telemetry-drains`), []) : [],
    taken("add-ons", api.list<AddonReply>(`${at}/addons`), []),
    taken("config vars", namesOf(api, `${at}/config-vars`), []),
    taken("domains", api.list<DomainReply>(`${at}/domains`), []),
  ]);
  return {
    name,
    isFir,
    drains: drains.flatMap(({ url, addon }) =>
      typeof url === "string" ? [{ url, ...(addon && { addon: String(addon.name ?? "an add-on") }) }] : [],
    ),
    telemetry: telemetry.map(({ exporter, signals }) => ({
      endpoint: exporter?.endpoint ?? "",
      type: exporter?.type ?? "",
      headers: exporter?.headers ?? {},
      signals: signals ?? [],
    })),
    addons: addons.map((addon) => ({
      name: addon.name ?? "",
      plan: addon.plan?.name ?? "",
      configNames: addon.config_vars ?? [],
    })),
    configNames: vars,
    domains: domains.flatMap(({ hostname, kind }) => (hostname && kind === "custom" ? [hostname] : [])),
    unread,
  };
}

/** The values are dropped here, as soon as they arrive. */
async function namesOf(api: HerokuApi, path: string): Promise<Read<readonly string[]>> {
  const read = await api.one<Record<string, unknown>>(path);
  return read.kind === "read" ? { kind: "read", value: Object.keys(read.value).sort() } : read;
}

function required<Value>(read: Read<Value>, what: string): Value {
  if (read.kind === "read") return read.value;
  const mend =
    read.kind === "forbidden"
      ? "Its scope has to be `read-protected` or `global`: `heroku authorizations` lists the scopes."
      : '"heroku apps --all" lists those that it may see.';
  throw new CliError(`Heroku does not show this key the ${what}: ${read.message}`, mend);
}
