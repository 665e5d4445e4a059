/** The commands about drains against the API itself: what they ask for is what is kept. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ListedArgument } from "../../cli/listed.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { cliEnvironment, type Finished, runCli } from "../support/cli.ts";
import { ControlServer, operatorSecret } from "../support/control-server.ts";
import { wholeProgram } from "../support/man-page.ts";
import { ca, clientTls } from "../support/tls.ts";

let server: ControlServer;
let url: string;
let folder: string;
beforeAll(async () => {
  server = await ControlServer.open();
  url = server.url;
  folder = mkdtempSync(join(tmpdir(), "tailrace-drains-"));
});
beforeEach(async () => {
  await server.call("POST", "/apps", { name: "todo" });
});
afterEach(() => server.reset());
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const at = "https://logs.example.com/in";
const tailrace = (...args: string[]): Promise<Finished> =>
  runCli(
    args,
    cliEnvironment(undefined, { TAILRACE_URL: url, TAILRACE_API_KEY: operatorSecret, TAILRACE_APP: "todo" }),
  );
async function kept(): Promise<DrainRecord | undefined> {
  const app = (await server.registry.apps.list())[0]!;
  return (await server.registry.drains.list(app.id))[0];
}
async function done(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await tailrace(...args);
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}
async function added(...args: string[]): Promise<DrainRecord> {
  await done("drains:add", at, ...args);
  return (await kept())!;
}
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("added with secrets, certificates and what to leave out, the drain has them", async () => {
  const paths = [
    ["--ca", file("ca.pem", ca)],
    ["--cert", file("cert.pem", clientTls.cert)],
    ["--key", file("key.pem", clientTls.key)],
  ];
  const drain = await added("--secret", "s3cret", "--exclude", "health", ...paths.flat());
  expect(drain).toMatchObject({ secret: "s3cret", filter: { exclude: "health" }, ca, ...clientTls });
});

test("paused, resumed, replayed and removed are what was asked for", async () => {
  const { token } = await added();
  expect(await done("drains:pause", token)).toBe(`Paused drain ${token}\n`);
  expect(await kept()).toMatchObject({ paused: true });
  expect(await done("drains:resume", at)).toBe(`Resumed drain ${at}\n`);
  expect(await kept()).toMatchObject({ paused: false });
  expect(await done("drains:replay", token, "--since", "2026-01-02T03:04:05Z")).toBe(
    `There are no lines since 2026-01-02T03:04:05Z that drain ${token} could get once more\n`,
  );
  expect((await kept())!.replay!.sinceMs).toBe(Date.parse("2026-01-02T03:04:05Z"));
  expect(await done("drains:remove", token)).toBe(`Removed drain ${at} from todo\n`);
  expect(await kept()).toBeUndefined();
});

test("what is wrong with a file or a header is said, and nothing is added", async () => {
  for (const [args, words] of [
    [["--ca", join(folder, "none")], `--ca ${join(folder, "none")} does not exist.`],
    [["--key", folder], `--key ${folder} is a folder.`],
    [["--header", "A: b", "--header", "secret"], "--header number 2 has no colon."],
    [["--header", ": secret"], "--header number 1 has no name"],
  ] as const) {
    const { status, stderr } = await tailrace("drains:add", at, ...args);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(words) });
    expect(stderr).not.toContain("secret");
  }
  expect(await kept()).toBeUndefined();
});

describe("a secret", () => {
  test("is followed by another: both sign, until the one before is dropped", async () => {
    const { token } = await added("--secret", "first");
    expect(await done("drains:update", token, "--secret", "second")).toBe(
      `Updated drain ${token} of todo: secret\nIt took a test line\n`,
    );
    expect(await kept()).toMatchObject({ secret: "second", previousSecret: "first" });
    await done("drains:update", token, "--secret", "second"); // said twice, it is one change
    expect(await kept()).toMatchObject({ secret: "second", previousSecret: "first" });
    await done("drains:update", token, "--drop-previous-secret");
    expect(await kept()).toMatchObject({ secret: "second" });
    expect(await kept()).not.toHaveProperty("previousSecret");
  });

  test("is changed or dropped, not both at once, nor neither", async () => {
    const { token } = await added("--secret", "first");
    for (const args of [[], ["--secret", "x", "--drop-previous-secret"]]) {
      expect(await tailrace("drains:update", token, ...args)).toMatchObject({ status: 2, stdout: "" });
    }
    expect(await kept()).toMatchObject({ secret: "first" });
  });
});

describe("drains:update", () => {
  test("gives what an error asks for: certificates, headers, format, another URL", async () => {
    const { token, id } = await added("--since", "10m", "--header", "X-Key: 1");
    const [caFile, cert, key] = [
      file("ca.pem", ca),
      file("cert.pem", clientTls.cert),
      file("key.pem", clientTls.key),
    ];
    expect(await done("drains:update", token, "--ca", caFile)).toBe(
      `Updated drain ${token} of todo: ca\nIt took a test line\n`,
    );
    await done(
      "drains:update",
      at,
      "--cert",
      cert,
      "--key",
      key,
      "--format",
      "ndjson",
      "--compression",
      "gzip",
    );
    await done("drains:update", token, "--header", "Authorization: Bearer t", "--url", `${at}/new`);
    expect(await kept()).toMatchObject({
      id,
      token,
      url: `${at}/new`,
      ca,
      ...clientTls,
      format: "ndjson",
      compression: "gzip",
      headers: { Authorization: "Bearer t" },
    });
  });

  test("changes parts of a filter and of a redaction by themselves", async () => {
    const { token } = await added("--source", "app", "--match", "a", "--redact", "email");
    await done("drains:update", token, "--dyno", "web", "--match", "b", "--redact-pattern", "acct-\\d+");
    expect(await kept()).toMatchObject({
      filter: { sources: ["app"], dynos: ["web"], match: "b" },
      redact: { detectors: ["email"], patterns: ["acct-\\d+"] },
    });
    await done("drains:update", token, "--unset", "source", "--unset", "match", "--exclude", "c");
    expect((await kept())!.filter).toEqual({ dynos: ["web"], exclude: "c" });
    await done(
      "drains:update",
      token,
      "--unset",
      "dyno",
      "--unset",
      "--exclude",
      "--unset",
      "redact-pattern",
    );
    expect(await kept()).not.toHaveProperty("filter");
    expect((await kept())!.redact).toEqual({ detectors: ["email"] });
  });

  test("takes away what it is told to", async () => {
    const { token } = await added(
      "--ca",
      file("ca.pem", ca),
      "--header",
      "A: b",
      "--secret",
      "s",
      "--format",
      "ndjson",
    );
    await done("drains:update", token, "--secret", "t");
    await done(
      "drains:update",
      token,
      "--unset",
      "ca",
      "--unset",
      "header",
      "--unset",
      "format",
      "--unset",
      "secret",
    );
    for (const field of ["ca", "headers", "format", "secret", "previousSecret"])
      expect(await kept()).not.toHaveProperty(field);
  });

  test("says what the destination does with a test line, unless only the choice of lines was changed", async () => {
    const { token } = await added();
    server.verdict = { kind: "retry", reason: "logs.example.com:443 refused the connection" };
    const { status, stdout, stderr } = await tailrace("drains:update", token, "--url", `${at}/new`);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `Updated drain ${token} of todo: url\nIt does not take lines yet: logs.example.com:443 refused the connection\n`,
    });
    expect(stderr).toContain(`"tailrace drains:test ${token} -a todo" shows each step`);
    server.verdict = { kind: "delivered" };
    expect(JSON.parse(await done("drains:update", token, "--format", "ndjson", "--json")).test).toMatchObject(
      {
        kind: "delivered",
      },
    );
    expect(await done("drains:update", token, "--match", "x")).toBe(
      `Updated drain ${token} of todo: filter\n`,
    );
  });

  test("changes several things, and a secret besides, and prints the drain as JSON", async () => {
    const { token } = await added("--secret", "first");
    const printed = await done("drains:update", token, "--format", "ndjson", "--secret", "second", "--json");
    expect(JSON.parse(printed)).toMatchObject({ token, format: "ndjson", signed: true });
    expect(await kept()).toMatchObject({ format: "ndjson", secret: "second", previousSecret: "first" });
  });

  test.each([
    [[], "There is nothing to change."],
    [["--unset", "url"], '--unset has no "url". It takes away one of format,'],
    [["--secret", "x", "--unset", "secret"], "Two changes of the secret at once."],
    [["--ca", "/nowhere/ca.pem"], "--ca /nowhere/ca.pem does not exist."],
    [["--url", "ftp://example.com"], "The drain's URL cannot be used: its scheme is not"],
    [["--url", "otlp+http://example.com"], "cannot be used: OTLP is a format (--format otlp) of an https://"],
    [["--url", "https://10.0.0.1/"], "leads to 10.0.0.1 (private)"],
    [["--format", "xml"], 'There is no drain format "xml".'],
    [["--cert", "CERT"], "there is no --key to go with it"],
  ] as const)("%j is wrong use, and changes nothing", async (args, words) => {
    const { token } = await added("--secret", "first");
    const before = await kept();
    const cert = file("cert.pem", clientTls.cert);
    const { status, stdout, stderr } = await tailrace(
      "drains:update",
      token,
      ...args.map((arg) => (arg === "CERT" ? cert : arg)),
    );
    expect({ status, stdout, stderr: stderr.replace(/\s+/g, " ") }).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringContaining(words),
    });
    expect(await kept()).toEqual(before);
  });
});

test.each([
  ["format", "ndjson", "Leave the format out (--unset format removes the drain's), or"],
  ["compression", "gzip", "leave it out (--unset removes the drain's)."],
  ["header", "X-Team: a", "leave it out (--unset removes the drain's)."],
])("a --%s of the drain that a new URL cannot have can be removed with it", async (option, value, mend) => {
  const { token } = await added(`--${option}`, value);
  const changes = ["drains:update", token, "--url", "syslog://logs.example.com:514"];
  const { status, stderr } = await tailrace(...changes);
  expect({ status, stderr: stderr.replace(/\s+/g, " ") }).toEqual({
    status: 2,
    stderr: expect.stringContaining(mend),
  });
  expect(await done(...changes, "--unset", option)).toContain(`Updated drain ${token} of todo: `);
});

describe("drains:info", () => {
  const factsOf = async (token: string) =>
    new Map(
      (await done("drains:info", token)).split("\n").map((line) => line.split(/ {2,}/) as [string, string]),
    );

  test("shows compression, redaction and signing when they are set, and else not", async () => {
    const plain = await factsOf((await added()).token);
    for (const name of ["compression", "redact", "redact patterns", "signed"])
      expect(plain.has(name)).toBe(false);
    await done("drains:remove", at);
    const { token } = await added(
      ...["--compression", "gzip", "--secret", "s", "--redact", "email", "--redact", "card"],
      ...["--redact-pattern", "acct-\\d+"],
    );
    const facts = await factsOf(token);
    expect(facts.get("compression")).toBe("gzip");
    expect(facts.get("redact")).toBe("email, card");
    expect(facts.get("redact patterns")).toBe("acct-\\d+");
    expect(facts.get("signed")).toBe("yes");
  });

  test("shows what the newest test line found, which no line of the app has found yet", async () => {
    server.verdict = { kind: "retry", reason: "logs.example.com:443 refused the connection" };
    const { token } = await added();
    const facts = await factsOf(token);
    expect(facts.get("state")).toBe("idle, test failed");
    expect(facts.get("last test")).toMatch(/^\d{4}-.*Z; logs\.example\.com:443 refused the connection$/);
    server.verdict = { kind: "delivered" };
    await done("drains:test", token);
    expect((await factsOf(token)).get("last test")).toMatch(/Z; taken$/);
  });
});

describe("a certificate that ends soon", () => {
  const expiring = "the certificate of logs.example.com:443 ends in 9 days: renew it at the receiver";

  test.each([[[]], [["--verify"]]])("is told with what the test line found, and kept (%j)", async (more) => {
    server.verdict = { kind: "delivered", expiring };
    const { stdout, stderr } = await tailrace("drains:add", at, ...more);
    expect(stdout).toMatch(/\nIt took a test line\n$/);
    expect(stderr).toBe(`But ${expiring}.\n`);
    expect(await done("drains:info", at)).toMatch(new RegExp(`^last test .*; taken; ${expiring}$`, "m"));
  });

  test("is told by drains:test", async () => {
    const { token } = await added();
    server.verdict = { kind: "delivered", expiring };
    expect(await tailrace("drains:test", token)).toMatchObject({ status: 0, stderr: `But ${expiring}.\n` });
  });
});

test("a URL that is there already: drains:update is named, with the drain's token", async () => {
  const drain = await added();
  expect(await tailrace("drains:add", at)).toEqual({
    status: 1,
    stdout: "",
    stderr:
      `tailrace: The app has a drain with this URL already: ${drain.token}. "tailrace drains:update ${drain.token} -a todo" changes its options; ` +
      "or remove it and add it again, with --since for the lines that wait.\n",
  });
});

describe("a drain that is named without its app", () => {
  const elsewhere = (...args: string[]) =>
    runCli(args, cliEnvironment(undefined, { TAILRACE_URL: url, TAILRACE_API_KEY: operatorSecret }));

  test("is found among all apps, by every command about one drain", async () => {
    await server.call("POST", "/apps", { name: "zoo" });
    const { token } = await added();
    const program = await wholeProgram();
    const names = program.commands
      .filter(({ registeredArguments: [first] }) => first instanceof ListedArgument && first.kind === "drain")
      .map((command) => command.name());
    expect(names).toHaveLength(7);
    const more: Record<string, string[]> = {
      "drains:replay": ["--since", "1h"],
      "drains:update": ["--match", "x"],
    };
    for (const name of names) {
      const unknown = await elsewhere(name, "d.no", ...(more[name] ?? []));
      expect(unknown, name).toMatchObject({
        status: 1,
        stderr:
          'tailrace: No app that this key may see has a drain "d.no".\n"tailrace drains" lists the drains of all apps.\n',
      });
    }
    for (const name of names.filter((one) => !["drains:remove", "drains:test"].includes(one)))
      expect(await elsewhere(name, token, ...(more[name] ?? [])), name).toMatchObject({ status: 0 });
    expect(await elsewhere("drains:remove", token)).toMatchObject({
      status: 0,
      stdout: `Removed drain ${at} from todo\n`,
    });
  });

  test("is asked for when its URL is that of several", async () => {
    await server.call("POST", "/apps", { name: "blog" });
    await added();
    await done("drains:add", at, "-a", "blog");
    expect(await elsewhere("drains:info", at)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /^tailrace: 2 apps have a drain ".*": (?:blog, todo|todo, blog)\.\nAdd "-a APP"\.\n$/,
      ),
    });
  });
});
