/**
 * The contents of the address: the page, the app, and everything selected on it. It comes after the `#`, so it never
 * leaves the browser.
 */
import { parsePosition } from "../../src/core/position.ts";
import { countIn, type Filter, filterFromParams, filterToParams } from "./log/filter.ts";

export type AppPage = "log" | "drains" | "glance";

/** How the lines are shown. */
export type LogView = {
  readonly filter: Filter;
  /** The line that a link leads to. */
  readonly at?: string | undefined;
  /** Processes side by side; empty: one list of all. */
  readonly panes: readonly string[];
  readonly wrap: boolean;
  readonly zone: "local" | "utc";
  /** Only lines of this time span. */
  readonly stretch?: TimeStretch | undefined;
  /** The histogram covers this much of the newest time; undefined: everything that is kept. */
  readonly span?: string | undefined;
};

export type TimeStretch = { readonly fromMs: number; readonly toMs: number };

/** The choices for the histogram's span. */
export const spans = ["15m", "1h", "6h", "24h", "7d"] as const;

export type Route =
  | { readonly page: "apps" }
  | { readonly page: "node" }
  /** The way on to an add-on's dashboard, once somebody is signed in. */
  | { readonly page: "addon"; readonly addon: string }
  | { readonly page: "app"; readonly app: string; readonly tab: AppPage; readonly view: LogView };

export const panesMax = 4;
const tabs: readonly AppPage[] = ["log", "drains", "glance"];

/** Reads `location.hash`; anything unknown means the list of apps. */
export function routeOf(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [first, app, tab = "log"] = path.split("/").map(decoded);
  if (first === "node") return { page: "node" };
  if (first === "addons" && app !== undefined && app !== "") return { page: "addon", addon: app };
  if (first !== "apps" || app === undefined || app === "") return { page: "apps" };
  const view = viewOf(new URLSearchParams(query));
  return { page: "app", app, tab: tabs.find((one) => one === tab) ?? "log", view };
}

export function hashOf(route: Route): string {
  if (route.page === "addon") return `#/addons/${encodeURIComponent(route.addon)}`;
  if (route.page !== "app") return `#/${route.page}`;
  const { app, tab, view } = route;
  const params = filterToParams(view.filter);
  if (view.at !== undefined) params.set("at", view.at);
  if (view.panes.length > 0) params.set("panes", view.panes.join(","));
  if (!view.wrap) params.set("wrap", "0");
  if (view.zone === "utc") params.set("zone", "utc");
  if (view.span !== undefined) params.set("span", view.span);
  if (view.stretch !== undefined) {
    params.set("from", new Date(view.stretch.fromMs).toISOString());
    params.set("to", new Date(view.stretch.toMs).toISOString());
  }
  const query = params.toString();
  return `#/apps/${encodeURIComponent(app)}/${tab}${query === "" ? "" : `?${query}`}`;
}

/** What a link asks for and does not get, since the page cannot read it. (Filters that it can, the server may refuse.) */
export function unreadIn(hash: string, search = ""): string[] {
  const query = (of: string) => new URLSearchParams(of.split("?", 2)[1]);
  const kept = query(hashOf(routeOf(hash)));
  const unread = [...query(hash)].filter(
    ([name, value]) => value !== "" && !kept.has(name) && !isDefault(name, value),
  );
  return [...new URLSearchParams(search), ...unread].map(([name, value]) => `${name}=${value}`);
}

/** True of a value that says what is so without it, or, for neighbours, the same in other words. */
function isDefault(name: string, value: string): boolean {
  if (name === "wrap") return value === "1";
  if (name === "zone") return value === "local";
  return ["before", "after", "context"].includes(name) && countIn(value) !== undefined;
}

export const plainView: LogView = { filter: {}, panes: [], wrap: true, zone: "local" };

export const logOf = (app: string, filter: Filter = {}, view: Partial<LogView> = {}): Route => ({
  page: "app",
  app,
  tab: "log",
  view: { ...plainView, ...view, filter },
});

function viewOf(params: URLSearchParams): LogView {
  const at = parsePosition(params.get("at") ?? "");
  const panes = (params.get("panes") ?? "").split(",").filter((name) => name !== "");
  const stretch = stretchOf(params);
  const span = spans.find((one) => one === params.get("span"));
  return {
    filter: filterFromParams(params),
    ...(span !== undefined && { span }),
    ...(stretch !== undefined && { stretch }),
    ...(at !== undefined && { at }),
    panes: panes.slice(0, panesMax),
    wrap: params.get("wrap") !== "0",
    zone: params.get("zone") === "utc" ? "utc" : "local",
  };
}

function stretchOf(params: URLSearchParams): TimeStretch | undefined {
  const [fromMs, toMs] = ["from", "to"].map((name) => Date.parse(params.get(name) ?? ""));
  return fromMs! < toMs! ? { fromMs: fromMs!, toMs: toMs! } : undefined;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
