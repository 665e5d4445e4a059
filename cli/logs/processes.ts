/** The processes that wrote an app's lines, for completion, and the app's sources: hints if none has the given name. */
import type { Api } from "../api/api.ts";
import type { SessionBody } from "../api/api-types.ts";
import { nameLike } from "../likeness.ts";
import { listOf, processTest } from "./line-test.ts";

/** If not `isWhole`, older lines may come from others. */
type Processes = { readonly names: readonly string[]; readonly isWhole: boolean };

/** The most that the server names: it leaves out those that have been silent longest. */
const namesMax = 200;
/** The most existing names that a hint lists. */
export const namesListedMax = 12;

/** Takes the server a moment of counting. */
export async function processesOf(api: Api, app: string): Promise<Processes> {
  type Reply = { readonly dynos?: readonly string[]; readonly complete?: boolean };
  const { dynos = [], complete = false } = await api.call<Reply>(
    "GET",
    `/apps/${encodeURIComponent(app)}/log-histogram`,
  );
  const names = [...dynos].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return { names, isWhole: complete && names.length < namesMax };
}

/** The hint for a session that found nothing and names unknown processes; undefined if all are known. */
export function unknownProcesses(
  app: string,
  dyno: SessionBody["dyno"],
  { names, isWhole }: Processes,
): string | undefined {
  if (dyno === undefined || names.length === 0) return undefined;
  const missing = listOf(dyno).filter(
    (wanted) => !names.some((name) => processTest([wanted])({ dyno: name })),
  );
  if (missing.length === 0) return undefined;
  const types = [...new Set(names.map((name) => name.replace(/\..*$/, "")))];
  const lines = isWhole ? "No line" : "None of the newest lines";
  const source = missing.find((name) => everyonesSources.includes(name));
  const meant = source === undefined ? "" : `${source} is a source: --source ${source} finds its lines. `;
  return `${lines} of ${app} is of a process ${missing.join(" or ")}. ${meant}${whichThereAre(missing, names, types)}`;
}

/** The sources that every app has. */
const everyonesSources = ["app", "heroku"];

/**
 * The sources of an app's lines: the names of its tokens, and these two; undefined if senders name sources themselves.
 */
export async function sourcesOf(api: Api, app: string): Promise<readonly string[] | undefined> {
  const tokens = await api.tokens(app);
  if (tokens.some(({ keep_source }) => keep_source)) return undefined;
  return [...new Set([...everyonesSources, ...tokens.map(({ name }) => name)])];
}

/** The same for sources; `processes`: names of processes, which may have been meant. */
export function unknownSources(
  app: string,
  source: NonNullable<SessionBody["source"]>,
  names: readonly string[],
  processes: readonly string[],
): string | undefined {
  const missing = listOf(source).filter((wanted) => !names.includes(wanted));
  if (missing.length === 0) return undefined;
  const process = missing.find((wanted) => processes.some((name) => processTest([wanted])({ dyno: name })));
  const meant = process === undefined ? "" : `${process} is a process: --dyno ${process} finds its lines. `;
  return `No token of ${app} is of a source ${missing.join(" or ")}. ${meant}${whichThereAre(missing, names)}`;
}

function whichThereAre(
  missing: readonly string[],
  names: readonly string[],
  others: readonly string[] = [],
): string {
  const like = missing
    .map((name) => nameLike(name, [...others, ...names]))
    .find((name) => name !== undefined);
  const listed = names.slice(0, namesListedMax).join(", ");
  const more = names.length > namesListedMax ? ` and ${names.length - namesListedMax} more` : "";
  return `${like === undefined ? "" : `Did you mean ${like}? `}There are ${listed}${more}.`;
}
