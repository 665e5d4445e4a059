/**
 * The processes that wrote an app's lines, for completion, and its sources: hints when none has the name that was given.
 */
import type { Api } from "../api/api.ts";
import type { SessionBody } from "../api/api-types.ts";
import { nameLike } from "../likeness.ts";
import { listOf, processTest } from "./line-test.ts";

/** Without `isWhole` older lines may be of others. */
type Processes = { readonly names: readonly string[]; readonly isWhole: boolean };

/** The server names no more: those that were silent for longest are left out. */
const namesMax = 200;
/** Names that are told of those that there are. */
export const namesToldMax = 12;

/** The server counts for a moment. */
export async function processesOf(api: Api, app: string): Promise<Processes> {
  type Reply = { readonly dynos?: readonly string[]; readonly complete?: boolean };
  const { dynos = [], complete = false } = await api.call<Reply>(
    "GET",
    `/apps/${encodeURIComponent(app)}/log-histogram`,
  );
  const names = [...dynos].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return { names, isWhole: complete && names.length < namesMax };
}

/** The words for a session that found nothing and names processes that there are not; undefined when each is there. */
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
  return `${lines} of ${app} is of a process ${missing.join(" or ")}. ${whichThereAre(missing, names, types)}`;
}

/** The sources of an app's lines are the names of its tokens, and these two; undefined where senders name sources themselves. */
export async function sourcesOf(api: Api, app: string): Promise<readonly string[] | undefined> {
  const tokens = await api.tokens(app);
  if (tokens.some(({ keep_source }) => keep_source)) return undefined;
  return [...new Set(["app", "heroku", ...tokens.map(({ name }) => name)])];
}

/** The same for sources. */
export function unknownSources(
  app: string,
  source: NonNullable<SessionBody["source"]>,
  names: readonly string[],
): string | undefined {
  const missing = listOf(source).filter((wanted) => !names.includes(wanted));
  if (missing.length === 0) return undefined;
  return `No token of ${app} is of a source ${missing.join(" or ")}. ${whichThereAre(missing, names)}`;
}

function whichThereAre(
  missing: readonly string[],
  names: readonly string[],
  others: readonly string[] = [],
): string {
  const like = missing
    .map((name) => nameLike(name, [...others, ...names]))
    .find((name) => name !== undefined);
  const told = names.slice(0, namesToldMax).join(", ");
  const more = names.length > namesToldMax ? ` and ${names.length - namesToldMax} more` : "";
  return `${like === undefined ? "" : `Did you mean ${like}? `}There are ${told}${more}.`;
}
