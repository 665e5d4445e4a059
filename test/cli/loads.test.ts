/** A command starts quickly when it loads what it needs, and nothing else: what is imported at once is followed here. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const command = (name: string): URL => new URL(`cli/commands/${name}.ts`, root);

/** Modules of others, and files of our own, that importing `first` loads at once. */
function loadedBy(first: URL): { readonly packages: Set<string>; readonly files: Set<string> } {
  const packages = new Set<string>();
  const files = new Set<string>();
  const follow = (file: URL): void => {
    if (files.has(file.pathname)) return;
    files.add(file.pathname);
    const text = readFileSync(file, "utf8");
    for (const [, clause, from] of text.matchAll(
      /^(?:import|export)\s+((?!type\b)[^"';]*?)from "([^"]+)";/gms,
    )) {
      const names = /^\{(.*)\}\s*$/s
        .exec(clause!)?.[1]
        ?.split(",")
        .map((name) => name.trim());
      if (names?.every((name) => name === "" || name.startsWith("type "))) continue;
      if (from!.startsWith(".")) follow(new URL(from!, file));
      else packages.add(from!);
    }
  };
  follow(first);
  return { packages, files };
}

test("the program loads no command before it knows which one is asked for", () => {
  const { files } = loadedBy(new URL("cli/main.ts", root));
  expect([...files].filter((file) => /commands\/(?!all\.ts)/.test(file))).toEqual([]);
});

test.each(["logs", "run", "ship", "apps", "tokens", "drains", "keys"])(
  "%s loads no server, no other command, and no client that takes longer to load than it runs",
  (name) => {
    const { packages, files } = loadedBy(command(name));
    // `node:http` as a module loads WebSocket and fetch with it.
    for (const heavy of ["undici", "node:http", "node:https", "fastify", "pino"])
      expect(packages.has(heavy), heavy).toBe(false);
    expect(
      [...files].filter((file) =>
        /\/src\/(?!core\/|node-http\.ts)/.test(file.slice(root.pathname.length - 1)),
      ),
    ).toEqual([]);
    const others = [...files].filter(
      (file) => /cli\/commands\/[^/]+$/.test(file) && file !== command(name).pathname,
    );
    expect(others.filter((file) => !/\/drain/.test(file))).toEqual([]);
  },
);
