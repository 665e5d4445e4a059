/**
 * Every command of the manual is run by a test, or told in `explainedCommands` with what is tested in its place. A block that is new, a
 * name that leads nowhere, and a command in running text that the command line does not have fail here.
 */
import type { Command } from "commander";
import { beforeAll, describe, expect, test } from "vitest";
import { commandRows } from "../support/heroku-commands.ts";
import { wholeProgram } from "../support/man-page.ts";
import {
  blocksOf,
  commandsInText,
  commandsOf,
  explainedCommands,
  explanationOf,
  manualPages,
  wholePages,
} from "../support/manual-blocks.ts";
import { filesIn, isThere, readText } from "../support/sources.ts";

/** By page, by the block's name: the file that takes it from the page. */
const readers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "CONTRIBUTING.md": { "set-up": "test/manual/contributing.test.ts" },
  "docs/addons.md": all("test/manual/addons.test.ts", "manifest", "owner", "oauth"),
  "docs/alerts.md": { scrape: "test/operating/alerts.test.ts" },
  "docs/backup.md": {
    ...all("test/e2e/backup.test.ts", "backup", "restore"),
    ...all("test/manual/nats-backup.test.ts", "nats-backup", "nats-restore"),
  },
  "docs/destinations.md": {
    ...all("test/manual/drains.test.ts", "command", "add"),
    ...all("test/drains/sinks/presets.test.ts", "loki", "datadog", "betterstack", "newrelic", "splunk"),
    ...all("test/drains/sinks/presets.test.ts", "opentelemetry", "syslog", "vector", "vector-toml"),
  },
  "docs/drains.md": {
    ...all("test/manual/drains.test.ts", "update", "replay", "secrets", "redact"),
    ...all("test/drains/sinks/drains-page.test.ts", "request", "signature", "verify"),
  },
  "docs/heroku-cli.md": { variables: "test/manual/heroku.test.ts" },
  "docs/moving.md": { import: "test/manual/heroku.test.ts" },
  "docs/operating.md": { saved: "test/manual/operating.test.ts" },
  "docs/reading.md": all("test/manual/reading.test.ts", "read"),
  "docs/sending.md": {
    ...all("test/manual/drains.test.ts", "tokens", "boxes"),
    ...all("test/support/sender-world.ts", "rsyslog-template", "syslog-ng"),
    ...all("test/support/numbered-senders.ts", "rsyslog-relp", "rsyslog-relp-tls", "rsyslog-udp"),
    ...all("test/support/numbered-senders.ts", "rsyslog-tcp", "rsyslog-tls"),
    ...all("test/e2e/sender-pages.test.ts", "logger", "nginx", "journald", "docker", "vector", "fluent-bit"),
    ...all("test/e2e/sender-pages.test.ts", "log-shuttle", "otel-sdk", "otel-collector", "curl-frame"),
    curl: "test/ingest/http/curl-recipe.test.ts",
  },
  "docs/service.md": {
    install: "test/e2e/package.test.ts",
    ...all("test/manual/service.test.ts", "unit", "nginx", "journal"),
  },
  "docs/up.md": all("test/manual/up.test.ts", "start", "control"),
};

function all(file: string, ...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, file]));
}

const pages = manualPages();
const blocks = pages.filter((page) => wholePages[page] === undefined).flatMap(blocksOf);
/** Output, pictures and forms: nothing that anybody types or puts into a file, unless it has a name. */
const shown = ["text", "mermaid"];
const used = blocks.filter(({ language, name }) => name !== undefined || !shown.includes(language));

describe("a block of the manual", () => {
  test("says its language, and is at the margin", () => {
    const known = [...shown, "sh", "json", "yaml", "toml", "js", "http", "nginx"];
    expect(blocks.filter(({ language }) => !known.includes(language))).toEqual([]);
    for (const page of pages) {
      expect(readText(page), page).not.toMatch(/^[ \t>]+(?:```|~~~)|^~~~/m);
      expect(readText(page).match(/^```/gm)?.length ?? 0, page).toBe(2 * blocksOf(page).length);
    }
    expect(used.length).toBeGreaterThan(50);
  });

  test("has a name when somebody would use it, and that is a test's", () => {
    const strange = used.filter(
      ({ page, name }) => name === undefined || readers[page]?.[name] === undefined,
    );
    expect(
      strange.map(({ page, line, name, body }) => `${page}:${line} ${name}: ${body.slice(0, 60)}`),
    ).toEqual([]);
    for (const page of pages) {
      const names = blocksOf(page).flatMap(({ name }) => name ?? []);
      expect(names, page).toEqual([...new Set(names)]);
    }
  });

  test.each(
    Object.entries(readers).flatMap(([page, names]) => Object.entries(names).map((row) => [page, ...row])),
  )("%s %s is taken from the page by %s", (page, name, file) => {
    expect(used.filter((block) => block.page === page && block.name === name)).toHaveLength(1);
    expect(isThere(file!)).toBe(true);
    expect(readText(file!)).toContain(`"${name}"`);
  });

  test.each(Object.entries(wholePages))("of %s is run by %s", (page, file) => {
    expect(readText(file)).toContain(`readText("${page}")`);
    expect(readText(file)).toContain("examplesIn(page)");
  });
});

describe("a command that no test can run", () => {
  const commands = used
    .filter(({ language }) => language === "sh")
    .flatMap(({ page, body }) => commandsOf(body).map((command) => ({ page, command })));

  test("is on its page, and says what is tested instead by files that are there", () => {
    for (const [page, explained] of Object.entries(explainedCommands)) {
      for (const [begin, { why, instead }] of Object.entries(explained)) {
        expect(
          commands.filter((one) => one.page === page && one.command.startsWith(begin)),
          begin,
        ).not.toEqual([]);
        expect(why).not.toBe("");
        const files = instead.match(/test\/[\w./-]+\.ts/g) ?? [];
        expect(files, instead).not.toEqual([]);
        expect(files.filter((file) => !isThere(file))).toEqual([]);
      }
    }
  });

  test("is one of few", () => {
    const explained = commands.filter(({ page, command }) => explanationOf(page, command) !== undefined);
    expect(commands.length).toBeGreaterThan(50);
    expect(explained.length).toBeLessThanOrEqual(10);
  });
});

describe("a command in running text", () => {
  let program: Command;
  beforeAll(async () => {
    program = await wholeProgram();
  });

  /** What stands between backquotes, and comments of the files that operators copy. */
  const spans = [
    ...pages.flatMap((page) => {
      const text = readText(page).replace(/^```[\s\S]*?^```/gm, "");
      return [...text.matchAll(/(`+)(.+?)\1/gs)].map(([, , code]) => ({
        page,
        code: code!.replace(/\s+/g, " ").trim(),
      }));
    }),
    ...[
      "docker-compose.yml",
      "Dockerfile",
      ...filesIn("examples").filter((path) => !path.endsWith(".md")),
    ].flatMap((page) =>
      [...readText(page).matchAll(/`([^`\n]+)`/g)].map(([, code]) => ({ page, code: code!.trim() })),
    ),
  ];
  const beginning = (word: string) => spans.filter(({ code }) => code.startsWith(`${word} `));

  test("of tailrace is one that there is, with options that it has", () => {
    const wrong = beginning("tailrace").flatMap(({ page, code }) => {
      const [, name = "", ...words] = code.split(" ");
      if (name.startsWith("-") || /^[A-Z]+$/.test(name)) return [];
      const command = program.commands.find((one) => one.name() === name);
      if (command === undefined) return [`${page}: ${code}`];
      const own = words.slice(0, words.includes("--") ? words.indexOf("--") : undefined);
      const flags = own
        .filter((word) => /^-{1,2}[a-z]/i.test(word))
        .map((word) => word.replace(/[=,.;:)].*$/, ""));
      const known = command.options.flatMap(({ long, short }) => [long, short]);
      return flags
        .filter((flag) => !known.includes(flag) && flag !== "--help")
        .map((flag) => `${page}: ${code}: ${flag}`);
    });
    expect(wrong).toEqual([]);
    expect(beginning("tailrace").length).toBeGreaterThan(40);
  });

  test("of heroku is one of those that the tests hold it to", () => {
    const known = new Set(commandRows.flatMap(({ commands }) => commands));
    const wrong = beginning("heroku").filter(({ code }) => !known.has(code.split(" ")[1]!));
    expect(wrong).toEqual([]);
  });

  test("of another program is one whose doing has a test", () => {
    const others = [
      "systemctl",
      "docker",
      "nats",
      "curl",
      "source",
      "man",
      "node",
      "export",
      "journalctl",
      "openssl",
    ];
    const found = others.flatMap(beginning);
    const explained = Object.entries(commandsInText);
    expect(found.filter(({ code }) => !explained.some(([begin]) => code.startsWith(begin)))).toEqual([]);
    for (const [begin, file] of explained) {
      expect(
        found.filter(({ code }) => code.startsWith(begin)),
        begin,
      ).not.toEqual([]);
      expect(isThere(file), file).toBe(true);
    }
  });

  test("of npm or npx is one of this package, with files that are there", () => {
    const { scripts } = JSON.parse(readText("package.json")) as { scripts: Record<string, string> };
    const own = new Set(["ci", "install", "pack", "link", "rebuild"]);
    for (const { page, code } of beginning("npm")) {
      const [, word = "", script = ""] = code.split(" ");
      if (word === "run") expect(Object.keys(scripts), `${page}: ${code}`).toContain(script);
      else expect(own.has(word) || word in scripts, `${page}: ${code}`).toBe(true);
    }
    for (const { page, code } of [...beginning("npm"), ...beginning("npx")])
      for (const file of code.match(/\btest\/\S+\.ts\b/g) ?? [])
        expect(isThere(file), `${page}: ${file}`).toBe(true);
  });
});
