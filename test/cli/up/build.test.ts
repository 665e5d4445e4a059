/** The steps of a build, in real processes over a folder that the test writes. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { build, buildSteps, runToEnd, withPrograms } from "../../../cli/up/build.ts";
import { progressMs } from "../../../cli/up/limits.ts";

let folder: string;
let lines: string[];
let progress: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tailrace-build-"));
  lines = [];
  progress = [];
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}
const outputOf = (source: string, process: string) => ({
  take: (stream: string, chunk: Buffer) => {
    for (const line of chunk.toString().trim().split("\n"))
      lines.push(`${source}[${process}] ${stream}: ${line}`);
    return undefined;
  },
  end: () => undefined,
});
const log = {
  api: (text: string) => lines.push(`app[api]: ${text}`),
  state: (process: string, text: string) => lines.push(`heroku[${process}]: ${text}`),
  outputOf,
} as never;
const parts = () => ({
  folder,
  environment: withPrograms(folder, { PATH: process.env.PATH }),
  log,
  output: { progress: (text: string) => progress.push(text) } as never,
  user: "me@here",
  signal: new AbortController().signal,
});

/** In the place of Python: `python3 -m venv FOLDER` makes a pip, and each says what it was called with. */
const python = `#!/bin/sh
echo "python3 $*"
mkdir -p "$3/bin" && cat > "$3/bin/pip" <<'PIP' && chmod +x "$3/bin/pip"
#!/bin/sh
echo "pip $*"
echo "Successfully installed celery"
PIP
`;

describe("a folder with requirements.txt", () => {
  test("is installed by pip in its own environment, which is made once", async () => {
    write("requirements.txt", "celery\n");
    write("node_modules/.bin/python3", python);
    const steps = buildSteps(folder, undefined);
    const pip = "pip install --disable-pip-version-check -r requirements.txt";
    const installed = [
      `heroku[build] stdout: ${pip}`,
      "heroku[build] stdout: Successfully installed celery",
      "app[api]: Build succeeded",
    ];
    const before = [
      "app[api]: Build started by user me@here",
      `heroku[build]: -----> Python app detected: .venv/bin/${pip}`,
    ];
    await build({ ...parts(), steps });
    expect(lines).toEqual([...before, "heroku[build] stdout: python3 -m venv .venv", ...installed]);
    lines = [];
    await build({ ...parts(), steps });
    expect(lines).toEqual([...before, ...installed]);
  });

  test("fails the build when pip does, with pip's words in the log", async () => {
    write("requirements.txt", "nope\n");
    write(".venv/bin/pip", "#!/bin/sh\necho 'ERROR: No matching distribution' >&2; exit 1\n");
    await expect(build({ ...parts(), steps: buildSteps(folder, undefined) })).rejects.toThrow(
      "ended with status 1",
    );
    expect(lines.slice(2)).toEqual([
      "heroku[build] stderr: ERROR: No matching distribution",
      "app[api]: Build failed -- check your build output",
    ]);
  });

  test("and package.json is built by both, npm first; --build takes the place of both", () => {
    write("requirements.txt", "");
    write("package.json", "{}");
    expect(buildSteps(folder, undefined).map(({ title }) => title.split(":")[0])).toEqual([
      "Node.js app detected",
      "Python app detected",
    ]);
    expect(buildSteps(folder, "make")).toEqual([{ title: "make", command: "make" }]);
    expect(buildSteps(folder, "")).toEqual([]);
  });
});

test("a long build is told to be at work: each second on the screen, now and then in the log", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  const command = `until [ -e '${folder}/enough' ]; do sleep 0.05; done`;
  const ended = runToEnd({ ...parts(), command, name: "build", log: outputOf("heroku", "build") }, log);
  vi.advanceTimersByTime(2 * progressMs.log);
  const seconds = progressMs.log / 1000;
  expect(lines).toEqual([
    `heroku[build]:        still at work after ${seconds} s`,
    `heroku[build]:        still at work after ${2 * seconds} s`,
  ]);
  expect(progress).toHaveLength((2 * progressMs.log) / progressMs.screen);
  expect(progress.at(-1)).toBe(`build: at work for ${2 * seconds} s`);
  write("enough", "");
  expect(await ended).toBe(0);
  expect(progress.at(-1)).toBe("");
});
