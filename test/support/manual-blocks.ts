/**
 * The blocks of the manual's pages. A block that is run or read by a test has a name, in a comment right before it:
 * `<!-- example: NAME -->` (or `sender: NAME`, `embedded: NAME`), which no renderer shows. The test takes it from the page by that
 * name, so that what is run is what is read.
 */
import { filesIn, readText } from "./sources.ts";

type Block = {
  readonly page: string;
  /** Of its fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly name: string | undefined;
  readonly body: string;
};

/** Pages whose examples a test runs as a whole, top to bottom. */
export const wholePages: Readonly<Record<string, string>> = { "README.md": "test/readme.test.ts" };

/** Every page that a user or an engineer reads. */
export const manualPages = (): readonly string[] => [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...[...filesIn("docs"), ...filesIn("examples")].filter((path) => path.endsWith(".md")),
];

const fence = /^(?:<!-- \w+: ([\w-]+) -->\n+)?```([^\n]*)\n([\s\S]*?)^```[ \t]*$/gm;

/** The blocks of a page, in their order. */
export function blocksOf(page: string): readonly Block[] {
  const text = readText(page);
  return [...text.matchAll(fence)].map((match) => {
    const [whole, name, info, body] = match as unknown as [string, string | undefined, string, string];
    const line =
      text.slice(0, match.index).split("\n").length +
      whole.slice(0, whole.indexOf("```")).split("\n").length -
      1;
    return { page, line, language: info.trim().split(/\s+/)[0] ?? "", name, body };
  });
}

/** The block of that name. */
export function blockOf(page: string, name: string): Block {
  const found = blocksOf(page).find((block) => block.name === name);
  if (found === undefined) throw new Error(`${page} has no block named ${name}`);
  return found;
}

/** The commands of a script, each as it is written: lines that go on, here-documents and comments behind it are its own. */
export function commandsOf(script: string): readonly string[] {
  const commands: string[] = [];
  const lines = script.split("\n");
  for (let at = 0; at < lines.length; at++) {
    if (/^\s*(?:#.*)?$/.test(lines[at]!)) continue;
    const first = at;
    const end = /<<'?(\w+)'?/.exec(lines[at]!)?.[1];
    if (end !== undefined) while (++at < lines.length && lines[at] !== end);
    else while (lines[at]!.endsWith("\\") || isOpen(lines.slice(first, at + 1))) at++;
    commands.push(lines.slice(first, at + 1).join("\n"));
  }
  return commands;
}

/** A quote is not closed yet. */
const isOpen = (lines: readonly string[]): boolean => (lines.join("\n").match(/'/g)?.length ?? 0) % 2 === 1;

/** A command that no test can run, and what is tested in its place. */
type Explanation = { readonly why: string; readonly instead: string };

const systemd = {
  why: "it needs a machine that systemd runs, and root there",
  instead:
    "test/operating/service.test.ts has systemd verify the unit; test/manual/service.test.ts runs its command with the page's /etc/tailrace.env",
};
const stopAndStart = {
  ...systemd,
  instead: "test/e2e/backup.test.ts sends the server SIGTERM, as systemd does, and starts it again",
};

/** By page, by the command as it stands there. */
export const explainedCommands: Readonly<Record<string, Readonly<Record<string, Explanation>>>> = {
  "docs/backup.md": { "systemctl stop tailrace": stopAndStart, "systemctl start tailrace": stopAndStart },
  "docs/service.md": {
    'cp "$(npm root -g)/tailrace/examples/systemd/tailrace.service" /etc/systemd/system/': {
      ...systemd,
      instead: `${systemd.instead}; test/e2e/package.test.ts copies it elsewhere`,
    },
    "systemctl enable --now tailrace": systemd,
    "journalctl -u tailrace -o cat -f": {
      why: systemd.why,
      instead: "test/manual/service.test.ts reads a kept journal by the same options",
    },
  },
  "docs/sending.md": {
    "docker run --log-driver syslog": {
      why: "it needs a Docker engine",
      instead: "test/e2e/sender-pages.test.ts sends the frames that Docker's driver was recorded to send",
    },
    "my-program | log-shuttle": {
      why: "log-shuttle is in no distribution",
      instead: "test/e2e/sender-pages.test.ts sends the request that it was recorded to send",
    },
  },
  "CONTRIBUTING.md": {
    "npm ci": {
      why: "it takes away the packages that the test runs on",
      instead: "test/manual/contributing.test.ts asks npm for its plan (--dry-run)",
    },
  },
};

/** Commands of other programs in running text, by how they begin, and the test of what they do. */
export const commandsInText: Readonly<Record<string, string>> = {
  "systemctl stop tailrace": "test/e2e/signals.test.ts", // SIGTERM
  "systemctl restart tailrace": "test/e2e/stop.test.ts", // and a start
  "systemctl reload tailrace": "test/e2e/signals.test.ts", // SIGHUP
  "systemctl status tailrace": "test/operating/service.test.ts",
  "systemctl enable --now tailrace": "test/operating/service.test.ts",
  "docker compose up --build": "test/e2e/compose.test.ts", // the same processes; test/e2e/image.test.ts: the image
  "nats stream rm": "test/manual/nats-backup.test.ts",
  "nats stream edit": "test/engines/nats-faults.test.ts", // what differs is told by the start
  "curl --data-binary @file": "test/manual/drains.test.ts",
  "curl -i": "test/ingest/http/http.test.ts",
  "source <(tailrace completion bash)": "test/cli/completion.test.ts",
  "man tailrace": "test/e2e/package.test.ts",
  "node bench/dead-drains.ts": "bench/dead-drains.ts", // it is there
  "export TAILRACE_URL=": "test/readme.test.ts",
};

/** Why a command is not run, if it is not. */
export const explanationOf = (page: string, command: string): Explanation | undefined =>
  Object.entries(explainedCommands[page] ?? {}).find(([begin]) => command.startsWith(begin))?.[1];

/** The script of a block without the commands that no test can run; names in it replaced by those of a test. */
export function scriptOf(
  page: string,
  name: string,
  replaced: Readonly<Record<string, string>> = {},
): string {
  const commands = commandsOf(blockOf(page, name).body).filter(
    (command) => explanationOf(page, command) === undefined,
  );
  return Object.entries(replaced).reduce(
    (text, [from, to]) => text.replaceAll(from, to),
    commands.join("\n"),
  );
}

/** The same command by command, for tests that look in between; throws when there are not as many as the test knows. */
export function stepsOf(
  page: string,
  name: string,
  count: number,
  replaced: Readonly<Record<string, string>> = {},
): readonly string[] {
  const steps = commandsOf(scriptOf(page, name, replaced));
  if (steps.length === count) return steps;
  throw new Error(`${page}: ${name} has ${steps.length} commands, and its test runs ${count}`);
}
