/** What `up` reads: Procfiles, `.env`, what a folder asks to be built with, and the kernel's figures. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { scalesIn } from "../../../cli/scale-words.ts";
import { buildSteps, withPrograms } from "../../../cli/up/build.ts";
import { routerLimits } from "../../../cli/up/limits.ts";
import { readMemory, sampleIn } from "../../../cli/up/memory.ts";
import { openFilesMax, withinFiles } from "../../../cli/up/open-files.ts";
import { readEnvFile, readProcfile } from "../../../cli/up/procfile.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tailrace-up-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe("a Procfile", () => {
  test("names process types in its order; its release line is apart", () => {
    const { types, release } = readProcfile(
      write(
        "Procfile",
        "# mine\r\nweb: node web.js --port $PORT\r\n\r\nworker:   celery -A x: y  \nrelease: ./migrate",
      ),
    );
    expect([...types]).toEqual([
      ["web", "node web.js --port $PORT"],
      ["worker", "celery -A x: y"],
    ]);
    expect(release).toBe("./migrate");
  });

  test.each([
    ["web node", "Line 1 of"],
    ["web: a\nweb: b", "web is there twice"],
    ["web:", "it is no process type"],
    ["release: only", "names no process"],
    ["", "names no process"],
    ["x".repeat(300_000), "more than 256 KiB"],
  ])("%j is refused with its line", (text, why) => {
    expect(() => readProcfile(write("Procfile", text))).toThrow(why);
  });

  test("that is a folder is told with the file that may be meant", () => {
    expect(() => readProcfile(folder)).toThrow(
      expect.objectContaining({
        message: `${folder} is a folder.`,
        mend: `Name the file in it, as in ${folder}/Procfile.`,
      }),
    );
  });

  test("that is not there is told with what it looks like", () => {
    expect(() => readProcfile(join(folder, "Procfile"))).toThrow("There is no Procfile here");
  });
});

test("variables come from .env, when there is one", () => {
  expect(readEnvFile(join(folder, ".env"))).toEqual({});
  expect(readEnvFile(folder)).toEqual({});
  expect(readEnvFile(write(".env", "# x\nA=1\nexport B='two words'\nC=\"a\\nb\"\n"))).toEqual({
    A: "1",
    B: "two words",
    C: "a\nb",
  });
});

test("the mark that editors on Windows begin a file with is no part of its first name", () => {
  expect([...readProcfile(write("Procfile", "\ufeffweb: node web.js\r\n")).types]).toEqual([
    ["web", "node web.js"],
  ]);
  expect(readEnvFile(write(".env", "\ufeffA=1\r\nB=2\r\n"))).toEqual({ A: "1", B: "2" });
});

test.runIf(process.platform !== "win32")("a pipe is waited for, but not without end", async () => {
  const path = join(folder, ".env");
  execFileSync("mkfifo", [path]);
  const writer = spawn("sh", ["-c", 'sleep 0.3; (echo A=1; sleep 0.3; echo B=2) > "$0"', path]);
  expect(readEnvFile(path)).toEqual({ A: "1", B: "2" });
  await once(writer, "exit");
  vi.spyOn(performance, "now").mockReturnValueOnce(0); // the wait is over
  expect(() => readEnvFile(path)).toThrow("is a pipe into which nobody writes");
  vi.restoreAllMocks();
});

test("a file with a zero byte, as of UTF-16, is told without a value in it", () => {
  for (const [name, read] of [
    [".env", readEnvFile],
    ["Procfile", readProcfile],
  ] as const) {
    const path = write(name, "SECRET=hunter\u00002\nweb: a\u0000b");
    expect(() => read(path)).toThrow(expect.objectContaining({ message: `${path} has a zero byte in it.` }));
  }
});

test.runIf(process.platform === "linux")("what is endless is not read to its end", () => {
  expect(() => readEnvFile("/dev/zero")).toThrow("more than 256 KiB");
});

describe("a build", () => {
  const commands = (own?: string) => buildSteps(folder, own).map(({ command }) => command);

  test("follows from what the folder has", () => {
    expect(commands()).toEqual([]);
    write("package.json", "{}");
    expect(commands()).toEqual(["npm install --no-audit --no-fund"]);
    write("requirements.txt", "");
    expect(commands()[1]).toContain("pip install --disable-pip-version-check -r requirements.txt");
  });

  test("is the person's own when they name one, or none", () => {
    write("package.json", "{}");
    expect(commands("make")).toEqual(["make"]);
    expect(commands("")).toEqual([]);
  });

  test("leaves its programs where dynos find them first", () => {
    const { PATH } = withPrograms(folder, { PATH: "/bin" });
    expect(PATH!.split(":")).toEqual([join(folder, "node_modules/.bin"), join(folder, ".venv/bin"), "/bin"]);
  });
});

test.each([
  [100_000, 5_000, 2_000],
  [1_024, 409, 204],
])(
  "of %i files that may be open the router's clients have their share",
  (filesMax, connectionsMax, requestsMax) => {
    expect(withinFiles(routerLimits, filesMax)).toEqual({ ...routerLimits, connectionsMax, requestsMax });
    expect(openFilesMax()).toBeGreaterThan(0);
  },
);

describe("memory", () => {
  test.runIf(process.platform === "linux")("of thousands of processes is read in turns", async () => {
    let turns = 0;
    const counting = setInterval(() => turns++, 0);
    const [before, ...others] = await Promise.all(Array.from({ length: 200 }, () => readMemory()));
    clearInterval(counting);
    expect(others.every(({ size }) => size > 0) && before!.size > 0).toBe(true);
    expect(turns).toBeGreaterThan(1);
  });

  test("is read from a status as the kernel writes it", () => {
    expect(
      sampleIn(
        "Name:\tRssAnon: 5 kB\nVmRSS:\t 9 kB\nRssAnon:\t    4096 kB\nRssFile:\t 10 kB\nRssShmem:\t 2 kB\nVmSwap:\t 7 kB\n",
      ),
    ).toEqual({ rssKb: 4096, cacheKb: 12, swapKb: 7 });
    expect(sampleIn("Name:\tkthread\n")).toEqual({ rssKb: 0, cacheKb: 0, swapKb: 0 });
  });

  test.runIf(process.platform === "linux")("of all processes of a group is added up", async () => {
    const groups = await readMemory();
    expect([...groups.values()].some(({ rssKb }) => rssKb > 1_000)).toBe(true);
  });
});

test.each([
  ["web=3", { type: "web", quantity: "3" }],
  [" worker+1 ", { type: "worker", quantity: "+1" }],
  ["web-2", { type: "web", quantity: "-2" }],
  ["web=2:Standard-2X", { type: "web", quantity: "2", size: "Standard-2X" }],
])("%j is a number of dynos", (word, update) => {
  expect(scalesIn([word])).toEqual([update]);
});

test.each(["web", "web=", "web=x", "=2", "web=2:", "we b=2"])("%j is none", (word) => {
  expect(() => scalesIn([word])).toThrow("write it as web=2");
});
