/** A profile of V8 as a tree of functions, each with the time of itself and of all that it called. */

export type Profile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

/** Whose work a function is. */
export type Group = "way in" | "journal" | "way out" | "other of ours" | "collector" | "Node" | "libraries";

export type Flame = {
  readonly name: string;
  readonly group: Group;
  readonly micros: number;
  readonly children: readonly Flame[];
};

/** The last `micros` before lines stopped coming in: what starting and stopping cost is none of a line's time. */
export function cut(profile: Profile, micros: number): Profile {
  const { nodes, samples, timeDeltas } = profile;
  const isWayIn = new Set(
    nodes.filter(({ callFrame }) => callFrame.url.includes("/dist/src/ingest/")).map(({ id }) => id),
  );
  const end = samples.findLastIndex((id) => isWayIn.has(id)) + 1;
  let start = end;
  for (let left = micros; start > 0 && left > 0; ) left -= timeDeltas[--start]!;
  return { nodes, samples: samples.slice(start, end), timeDeltas: timeDeltas.slice(start, end) };
}

/** Of all time that was not idle. */
export function flameOf({ nodes, samples, timeDeltas }: Profile): Flame {
  const own = new Map<number, number>();
  for (const [at, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + (timeDeltas[at] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const treeOf = (id: number): Flame => {
    const { callFrame, children: ids = [] } = byId.get(id)!;
    const children = merged(
      ids.filter((child) => !isIdle(byId.get(child)!.callFrame.functionName)).map(treeOf),
    );
    const micros = children.reduce((sum, child) => sum + child.micros, own.get(id) ?? 0);
    const name = callFrame.functionName || "(anonymous)";
    return { name, group: groupOf(name, callFrame.url), micros, children };
  };
  return treeOf(nodes[0]!.id);
}

const isIdle = (name: string): boolean => name === "(idle)" || name === "(program)";

// One function of one file may stand under its caller more than once.
function merged(flames: readonly Flame[]): Flame[] {
  const found = new Map<string, Flame>();
  for (const flame of flames) {
    const key = `${flame.group} ${flame.name}`;
    const before = found.get(key);
    const children = merged([...(before?.children ?? []), ...flame.children]);
    found.set(key, { ...flame, micros: flame.micros + (before?.micros ?? 0), children });
  }
  return [...found.values()].sort((a, b) => b.micros - a.micros);
}

function groupOf(name: string, url: string): Group {
  if (name === "(garbage collector)") return "collector";
  if (url.startsWith("wasm:")) return name.includes("strict-frames") ? "way out" : "way in";
  if (url.includes("/node_modules/")) return "libraries";
  const path = /\/dist\/(src\/.*)$/.exec(url)?.[1];
  if (path === undefined) return "Node";
  if (path.startsWith("src/engines/")) return "journal";
  if (path.startsWith("src/drains/")) return "way out";
  if (path.startsWith("src/ingest/")) return "way in";
  return path.startsWith("src/core/") ? coreGroup(path) : "other of ours";
}

// Files of the core that only one of the ways uses.
function coreGroup(path: string): Group {
  if (/\/(canonical|plain-|header|line-index|bsd-|blank-line|copy-words)/.test(path)) return "way in";
  return /\/(strict|odd|format|drain-)/.test(path) ? "way out" : "other of ours";
}
