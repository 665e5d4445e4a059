/**
 * The repository's own rules, kept by tests and not by memory. The reference pages under docs/ that follow from the
 * code are compared here; `npm test -- test/tidy.test.ts -u` writes them anew.
 */
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { herokuCliPage } from "./support/heroku-page.ts";
import { manPage } from "./support/man-page.ts";
import { errorsPage, metricsPage, settingsPage } from "./support/reference-pages.ts";
import { filesIn, isThere, readText, type SourceFile, sourcesIn, trackedFiles } from "./support/sources.ts";
import { glossary, retiredWords, wordsOfCode, wordsOfPath, wordsToCome } from "./support/words.ts";

const product = [...sourcesIn("src"), ...sourcesIn("cli")];
/** What browsers run: its packages are built into it. */
const page = sourcesIn("web");
const everything = [
  ...product,
  ...page,
  ...sourcesIn("test"),
  ...sourcesIn("bench"),
  ...sourcesIn("scripts"),
];
/** AssemblyScript, whose files import each other in its own way. */
const assembly = sourcesIn("assembly");

/** The one picture of who may import whom; the first prefix that fits a path is its layer. */
const layers: readonly { readonly at: string; readonly mayImport: readonly string[] }[] = [
  { at: "src/core/", mayImport: [] },
  { at: "src/ports.ts", mayImport: ["src/core/"] },
  { at: "src/lifecycle.ts", mayImport: ["src/core/"] },
  { at: "src/errors/", mayImport: ["src/core/"] },
  { at: "src/metrics/", mayImport: [] },
  { at: "src/metrics.ts", mayImport: ["src/core/", "src/metrics/"] },
  { at: "src/background-failures.ts", mayImport: ["src/metrics.ts"] },
  { at: "src/clock.ts", mayImport: ["src/ports.ts"] },
  { at: "src/limits.ts", mayImport: ["src/core/"] },
  { at: "src/deadline.ts", mayImport: [] },
  { at: "src/turns.ts", mayImport: ["src/core/"] },
  { at: "src/turn-line.ts", mayImport: ["src/core/", "src/turns.ts"] },
  { at: "src/sockets/", mayImport: ["src/core/", "src/errors/", "src/turns.ts", "src/turn-line.ts"] },
  { at: "src/threads/", mayImport: [] },
  { at: "src/other-nodes.ts", mayImport: [] },
  { at: "src/files/", mayImport: ["src/errors/", "src/background-failures.ts", "src/ports.ts"] },
  { at: "src/ticking.ts", mayImport: ["src/ports.ts"] },
  { at: "src/patterns/", mayImport: ground() },
  ...["src/engines/", "src/registry/"].map((at) => ({ at, mayImport: ground() })),
  // What a sink has to know of its drain: where to, which addresses are allowed, and who is told its steps.
  {
    at: "src/drains/sinks/",
    mayImport: [...ground(), "src/drains/addresses.ts", "src/drains/destination.ts", "src/drains/trace.ts"],
  },
  { at: "src/drains/sink-for.ts", mayImport: [...ground(), "src/registry/", "src/drains/"] },
  { at: "src/addons/", mayImport: [...ground(), "src/registry/", "src/drains/addresses.ts"] },
  {
    at: "src/ingest/",
    mayImport: [
      ...ground(),
      "src/registry/",
      "src/http/api-errors.ts",
      "src/http/bare-routes.ts",
      "src/http/own-body.ts",
    ],
  },
  // What a drain does next is decided without a clock, a log or a sink.
  {
    at: "src/drains/worker/machine/",
    mayImport: [
      "src/core/",
      "src/ports.ts",
      "src/registry/drain-checkpoint.ts",
      "src/registry/records.ts",
      "src/drains/connections/slots.ts",
      "src/drains/worker/parcel.ts",
    ],
  },
  ...["src/drains/", "src/tail/"].map((at) => ({
    at,
    mayImport: [...ground(), "src/registry/", "src/patterns/"],
  })),
  {
    at: "src/control/",
    mayImport: [
      ...ground(),
      "src/registry/",
      "src/addons/",
      "src/drains/",
      "src/ingest/",
      "src/tail/",
      "src/http/api-errors.ts",
      "src/limits.ts",
    ],
  },
  // The base: features register on it, and it knows of none.
  { at: "src/node-http.ts", mayImport: [] },
  { at: "src/http/", mayImport: [...ground(), "src/node-http.ts"] },
  { at: "src/web/", mayImport: ground() },
  { at: "src/setting-parsers.ts", mayImport: ["src/core/", "src/files/"] },
  { at: "src/config.ts", mayImport: [...ground(), "src/drains/addresses.ts", "src/setting-parsers.ts"] },
  { at: "src/canary/", mayImport: [...ground(), "src/registry/"] },
  {
    at: "src/doctor/",
    mayImport: [
      ...ground(),
      "src/config.ts",
      "src/setting-parsers.ts",
      "src/clock.ts",
      "src/engines/disk/",
      "src/http/certificate.ts",
    ],
  },
  { at: "src/app.ts", mayImport: ["src/"] },
  // Parts of the composition root, those first that need little.
  { at: "src/app/base.ts", mayImport: ["src/config.ts", ...ground()] },
  { at: "src/app/operator-key.ts", mayImport: ground() },
  { at: "src/app/admin-server.ts", mayImport: ["src/control/", "src/http/", "src/limits.ts", ...ground()] },
  { at: "src/app/open-engine.ts", mayImport: ["src/config.ts", "src/clock.ts", "src/engines/", ...ground()] },
  {
    at: "src/app/open-syslog.ts",
    mayImport: ["src/config.ts", "src/setting-parsers.ts", "src/http/", "src/ingest/", ...ground()],
  },
  { at: "src/app/", mayImport: ["src/"] },
  {
    at: "src/serve.ts",
    mayImport: ["src/app.ts", "src/config.ts", "src/core/", "src/metrics.ts", "src/server-log.ts"],
  },
  { at: "src/server-log.ts", mayImport: ["src/core/"] },
  // The one command that is the server; all others speak HTTP.
  { at: "cli/commands/serve.ts", mayImport: ["cli/", "src/serve.ts", "src/app.ts", "src/config.ts"] },
  { at: "cli/commands/doctor.ts", mayImport: ["cli/", "src/doctor/", "src/config.ts"] },
  { at: "cli/", mayImport: ["src/core/", "src/node-http.ts"] },
  { at: "web/", mayImport: ["src/core/"] },
];

/** What everything above the ports stands on. */
function ground(): string[] {
  return [
    "src/core/",
    "src/ports.ts",
    "src/other-nodes.ts",
    "src/errors/",
    "src/metrics.ts",
    "src/background-failures.ts",
    "src/lifecycle.ts",
    "src/deadline.ts",
    "src/turns.ts",
    "src/turn-line.ts",
    "src/ticking.ts",
    "src/sockets/",
    "src/threads/",
    "src/files/",
  ];
}

/** The adapters, and the table that finds the sink for a drain: only the composition root names them. */
const adapters = ["src/engines/", "src/drains/sinks/", "src/drains/sink-for.ts"];
const namers = [
  "src/app.ts",
  "src/app/open-drains.ts",
  "src/app/open-engine.ts",
  "src/drains/sink-for.ts",
  "src/doctor/listeners.ts",
];
/** Where imports begin: the command, and the model that the engines are tested against. */
const entries = ["cli/main.ts", "web/src/main.tsx", "src/engines/memory.ts"];

describe("imports", () => {
  test("dependencies point one way", () => {
    const wrong = [...product, ...page].flatMap((file) => {
      const layer = layers.find(({ at }) => file.path.startsWith(at));
      if (layer === undefined)
        return [`${file.path} is in no layer: add it to the table in test/tidy.test.ts`];
      return file.files
        .filter((to) => ![layer.at, ...layer.mayImport].some((allowed) => to.startsWith(allowed)))
        .map((to) => `${file.path} imports ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  test("only src/app.ts names an adapter", () => {
    const wrong = product.flatMap((file) =>
      file.files
        .filter((to) => adapters.some((at) => to.startsWith(at) && !file.path.startsWith(at)))
        .filter(() => !namers.includes(file.path))
        .map((to) => `${file.path} imports ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  test("go in no circle, types aside", () => {
    expect(circleIn([...product, ...page])).toEqual([]);
  });

  test.each(["src/core/", "src/ingest/"])(
    "go in no circle between the folders of %s, types included",
    (top) => {
      const inside = product.filter(({ path }) => path.startsWith(top));
      const folders = [...new Set(inside.map(({ path }) => dirname(path)))].map((path) => {
        const reached = inside.filter((file) => dirname(file.path) === path).flatMap(({ files }) => files);
        return { path, loaded: reached.map(dirname).filter((to) => to !== path) };
      });
      expect(folders.length).toBeGreaterThan(8);
      expect(circleIn(folders)).toEqual([]);
    },
  );

  test("name files that are there", () => {
    const wrong = everything.flatMap((file) =>
      file.files
        .filter((to) => !isThere(to) && !to.startsWith("dist/"))
        .map((to) => `${file.path} imports ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  test("take every thing that a file exports", () => {
    const taken = new Set(everything.flatMap(({ things }) => things));
    const exported = everything
      .filter(({ path }) => !taken.has(`${path} *`))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/^export (?:async )?(?:function\*?|class|const|let|type) (\w+)/gm)].map(
          ([, name]) => `${path} ${name}`,
        ),
      );
    expect(exported.length).toBeGreaterThan(1500);
    expect(exported.filter((thing) => !taken.has(thing))).toEqual([]);
  });

  test("come from where a thing is, and not from a file that passes it on", () => {
    const passedOn = everything.filter(({ text }) =>
      /^export (?:type )?(?:\*|\{(?! \w+ as default ))/m.test(text),
    );
    expect(passedOn.map(({ path }) => path)).toEqual([]);
  });

  test("reach every file", () => {
    const all = [
      ...product,
      ...page.filter(({ path }) => path.startsWith("web/src/") && !path.endsWith(".d.ts")),
    ];
    const byPath = new Map(all.map((file) => [file.path, file]));
    const reached = new Set<string>();
    const waiting = [...entries];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (reached.has(path)) continue;
      reached.add(path);
      waiting.push(...(byPath.get(path)?.files ?? []));
    }
    expect(all.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });
});

describe("sources", () => {
  type Rule = {
    readonly rule: string;
    readonly in: readonly SourceFile[];
    readonly never: RegExp;
    /** Comments count too. */
    readonly comments?: boolean;
  };
  const rules: readonly Rule[] = [
    { rule: "have no default exports", in: [...product, ...page], never: /^\s*export\s+default\b/m },
    {
      rule: "leave no work for later",
      in: [...everything, ...assembly],
      never: /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/,
      comments: true,
    },
    { rule: "print through the command or the log alone", in: sourcesIn("src"), never: /\bconsole\./ },
    {
      rule: "read the environment in one place",
      in: product.filter(({ path }) => !["src/config.ts", "cli/main.ts"].includes(path)),
      never: /\bprocess\.env\b/,
    },
    {
      rule: "ask the clock for the time of day, which jumps, and measure waits by one that does not",
      in: sourcesIn("src").filter(({ path }) => path !== "src/clock.ts"),
      never: /\bDate\.now\b/,
    },
    {
      rule: "have comments that begin with their subject",
      in: [...product, ...assembly],
      never: /^\s*(?:\/\*\*|\/\/|\*) (?:What|Where|Of|Whether|Which|Who|Whose) /m,
      comments: true,
    },
    {
      rule: "of the engine on NATS wait by its clock alone",
      in: sourcesIn("src/engines/nats"),
      never: /\b(?:setTimeout|setInterval|performance\.now)\b/,
    },
    {
      rule: "do not import Node's http, which loads fetch and WebSocket with it (node-http.ts)",
      in: product,
      never: /^import (?!type\b)[^;]*from "node:http";/m,
    },
    {
      rule: "switch no test off without a condition",
      in: sourcesIn("test"),
      never: /\b(?:test|it|describe)\.(?:only|skip|todo|fails)\b/,
    },
  ];

  test.each(rules)("$rule", ({ in: files, never, comments }) => {
    expect(
      files
        .filter(({ text }) => never.test(comments === true ? text : withoutComments(text)))
        .map(({ path }) => path),
    ).toEqual([]);
  });

  test("have names that say what is inside", () => {
    const vague = /(?:^|\/)(?:index|utils?|helpers?|misc|common)\.(?:tsx?|mjs)$/;
    expect(everything.map(({ path }) => path).filter((path) => vague.test(path))).toEqual([]);
    const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:property|test|config|d))*\.(?:tsx?|mjs)$/;
    expect(everything.map(({ path }) => path).filter((path) => !kebab.test(path.split("/").at(-1)!))).toEqual(
      [],
    );
  });

  test("are files of one thing: half of at most 90 lines, nine of ten of at most 200, none over 400", () => {
    const lengths = product.map(({ text }) => text.split("\n").length - 1).sort((a, b) => a - b);
    const most = (share: number) => lengths[Math.ceil(lengths.length * share) - 1]!;
    expect(most(0.5)).toBeLessThanOrEqual(90);
    expect(most(0.9)).toBeLessThanOrEqual(200);
    expect(most(1)).toBeLessThanOrEqual(400);
  });

  test("name no place of one machine", () => {
    const places = ["home", "Users", "root", "work"].map((name) => `/${name}/`).join("|");
    const pattern = new RegExp(`(?:^|[\\s"'\`(=:])(?:${places})`, "m");
    const texts = trackedFiles().filter((path) => !/\.(?:png|gz|bin)$/.test(path));
    expect(texts.filter((path) => pattern.test(readText(path)))).toEqual([]);
  });
});

describe("the package", () => {
  const manifest = JSON.parse(readText("package.json"));
  const lock = JSON.parse(readText("package-lock.json"));

  test("is what it says it is", () => {
    expect(manifest).toMatchObject({
      name: "tailrace",
      license: "MIT",
      type: "module",
      bin: { tailrace: "dist/cli/main.js" },
      engines: { node: ">=20.18" },
    });
    expect(readText("LICENSE")).toMatch(/^MIT License/);
    expect(readText("cli/main.ts")).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(readText("CHANGELOG.md")).toContain(`## ${manifest.version}`);
    for (const path of ["README.md", "ARCHITECTURE.md", ".ci/run"]) expect(isThere(path), path).toBe(true);
  });

  test("needs no package that asks for a newer Node than it does itself", () => {
    type Locked = { readonly engines?: { readonly node?: string }; readonly dev?: boolean };
    const asking = Object.entries(lock.packages as Record<string, Locked>)
      .filter(([path, { dev }]) => path !== "" && dev !== true)
      .filter(([, { engines }]) => Number(/^>=\s*(\d+)/.exec(engines?.node ?? "")?.[1] ?? 0) > 20)
      .map(([path]) => path);
    expect(asking).toEqual([]);
  });

  test("uses every dependency that it has", () => {
    const used = new Set(everything.flatMap(({ packages }) => packages));
    const unused = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      (name) => !used.has(name) && !name.startsWith("@types/") && !(name in unimported),
    );
    expect(unused).toEqual([]);
  });

  test("declares every dependency that it uses", () => {
    const runtime = new Set(product.flatMap(({ packages }) => packages));
    expect([...runtime].filter((name) => !(name in manifest.dependencies))).toEqual([]);
    const declared = { ...manifest.dependencies, ...manifest.devDependencies };
    expect(everything.flatMap(({ packages }) => packages).filter((name) => !(name in declared))).toEqual([]);
  });

  test("is locked as it is declared, from no particular registry", () => {
    const { dependencies, devDependencies, engines, version } = manifest;
    expect(lock.packages[""]).toMatchObject({ dependencies, devDependencies, engines, version });
    expect(readText("package-lock.json")).not.toContain('"resolved"');
  });

  test("locks the packages of every platform, so that npm ci works on all", () => {
    type Locked = { readonly optionalDependencies?: Record<string, string> };
    const missing = Object.entries<Locked>(lock.packages).flatMap(([path, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {})
        .filter((name) => !(`node_modules/${name}` in lock.packages))
        .filter((name) => !(`${path}/node_modules/${name}` in lock.packages)),
    );
    expect(missing).toEqual([]);
  });
});

/** Dependencies that no file imports, and why they are there. */
const unimported: Record<string, string> = {
  "@biomejs/biome": "format and lint, run by npm test",
  typescript: "the compiler, run by npm run build",
  node: "the pinned Node that npm's scripts run on",
};

test("ARCHITECTURE's life of a line names functions that are there, each declared in its file", () => {
  const section = /^## The life of a line$([\s\S]*?)^## /m.exec(readText("ARCHITECTURE.md"))![1]!;
  const hops = [...section.matchAll(/`(src\/[\w/-]+\.ts)` `(#?\w+)`/g)].map(([, path, name]) => ({
    path: path!,
    name: name!,
  }));
  const isDeclared = ({ path, name }: (typeof hops)[number]): boolean =>
    new RegExp(`(?:function\\*? |class |const |^  (?:async )?)${name}\\b`, "m").test(
      withoutComments(readText(path)),
    );
  expect(hops.length).toBeGreaterThan(25);
  expect(hops.filter((hop) => !isDeclared(hop))).toEqual([]);
});

describe("documents", () => {
  test.each([
    ["docs/settings.md", settingsPage],
    ["docs/errors.md", errorsPage],
    ["docs/metrics.md", metricsPage],
    ["docs/heroku-cli.md", herokuCliPage],
  ] as const)("%s is what the code says (-u writes it)", async (path, page) => {
    await expect(page()).toMatchFileSnapshot(`../${path}`);
  });

  test("docs/man/tailrace.1 is what the commands say (-u writes it)", async () => {
    await expect(await manPage()).toMatchFileSnapshot("../docs/man/tailrace.1");
  });

  test("lead to files that are there", () => {
    const pages = [...trackedFiles()].filter((path) => path.endsWith(".md"));
    const broken = pages.flatMap((page) =>
      [...readText(page).matchAll(/\]\(([^)#\s]+)(?:#[^)\s]*)?\)/g)]
        .map((match) => match[1]!)
        .filter((target) => !/^[a-z]+:/.test(target))
        .map((target) => new URL(target, `file:///${page}`).pathname.slice(1))
        .filter((target) => !isThere(target) && filesIn(target).length === 0)
        .map((target) => `${page} leads to ${target}`),
    );
    expect(broken).toEqual([]);
  });
});

describe("words", () => {
  const rows = glossary();
  const words = rows.map(({ word }) => word);
  const named = sourcesIn("src").map(({ path, text }) => ({
    path,
    text: text.toLowerCase(),
    names: [wordsOfPath(path), ...wordsOfCode(text)],
  }));
  const pathsWith = (word: string): string[] =>
    named
      .filter(({ names }) => names.some((name) => ` ${name} `.includes(` ${word} `)))
      .map(({ path }) => path);

  test("are in the glossary once, with one line of meaning", () => {
    expect(rows.length).toBeGreaterThan(40);
    expect(words.filter((word, at) => words.indexOf(word) !== at)).toEqual([]);
    const long = rows.filter(({ means }) => means.length < 10 || means.includes(". "));
    expect(long.map(({ word }) => word)).toEqual([]);
    expect(rows.flatMap(({ not }) => not).filter((other) => words.includes(other))).toEqual([]);
  });

  test("of the glossary are those of the code", () => {
    const isUsed = (word: string) =>
      named.some(({ text }) => text.includes(word)) || pathsWith(word).length > 0;
    expect(
      words.filter((word) => !isUsed(word)),
      "`wordsToCome` in test/support/words.ts names them",
    ).toEqual(wordsToCome);
  });

  test.each(retiredWords)("$word does not come back: it is $instead", ({ word, stillIn = [] }) => {
    const found = pathsWith(word);
    expect(found.filter((path) => !stillIn.some((start) => path.startsWith(start)))).toEqual([]);
    const gone = stillIn.filter((start) => !found.some((path) => path.startsWith(start)));
    expect(gone, "take these out of test/support/words.ts").toEqual([]);
  });

  test("that were given up have one of the glossary instead", () => {
    expect(retiredWords.filter(({ instead }) => !words.some((word) => instead.includes(word)))).toEqual([]);
    expect(retiredWords.filter(({ word }) => words.includes(word))).toEqual([]);
  });
});

/** Good enough for sources that Biome formats: comments of their own lines and those after code. */
const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|(?:^|\s)\/\/.*$/gm, "");

/** One circle of imports as the paths along it, or nothing. */
function circleIn(files: readonly Pick<SourceFile, "path" | "loaded">[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const settled = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (settled.has(path)) return [];
    for (const to of byPath.get(path)?.loaded ?? []) {
      const circle = visit(to, [...trail, path]);
      if (circle.length > 0) return circle;
    }
    settled.add(path);
    return [];
  };
  for (const { path } of files) {
    const circle = visit(path, []);
    if (circle.length > 0) return circle;
  }
  return [];
}
