/**
 * The steps of a Dockerfile, done by hand: each stage is a folder that stands for its `/`, copies are copies, and commands
 * run in the stage's folder, their absolute paths led into it. The base image's own programs are this machine's.
 */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { networkEnvironment } from "./network-environment.ts";

const run = promisify(execFile);
const outputBytesMax = 64 * 1024 * 1024;

/** The last stage: its folder, and what it says of how it runs. */
export type HandBuiltImage = {
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
};

type Stage = { -readonly [Name in keyof HandBuiltImage]: HandBuiltImage[Name] };

/** Instructions and what follows them; lines that go on are one. */
const instructionsOf = (dockerfile: string): readonly (readonly [string, string])[] =>
  dockerfile
    .replace(/\\\n\s*/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1).trim()]);

/** Builds in `folder` from `context`, which leaves out what `.dockerignore` names. */
export async function buildByHand(
  dockerfile: string,
  { context, ignored, folder }: { context: string; ignored: readonly string[]; folder: string },
): Promise<HandBuiltImage> {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const [instruction, rest] of instructionsOf(dockerfile)) {
    if (instruction === "FROM") {
      const root = join(folder, `stage-${stages.size}`);
      for (const path of ["usr/local/bin", "tmp"]) mkdirSync(join(root, path), { recursive: true });
      stage = { root, workdir: "/", env: {}, entrypoint: [], command: [], healthcheck: [] };
      stages.set(/ AS (\S+)$/.exec(rest)?.[1] ?? String(stages.size), stage);
    } else if (stage === undefined) throw new Error(`${instruction} stands before FROM`);
    else await step(stage, instruction, rest, { context, ignored, stages });
  }
  return stage!;
}

type Around = {
  readonly context: string;
  readonly ignored: readonly string[];
  readonly stages: ReadonlyMap<string, Stage>;
};

async function step(stage: Stage, instruction: string, rest: string, around: Around): Promise<void> {
  const inStage = (path: string) => join(stage.root, path.startsWith("/") ? path : join(stage.workdir, path));
  switch (instruction) {
    case "WORKDIR":
      stage.workdir = rest;
      mkdirSync(inStage(rest), { recursive: true });
      return;
    case "COPY":
      return copy(rest, inStage, around);
    case "ENV":
      stage.env = { ...stage.env, ...Object.fromEntries([rest.split("=") as [string, string]]) };
      return;
    case "RUN":
      await run("sh", ["-e", "-c", led(rest, stage.root)], {
        cwd: inStage("."),
        env: {
          PATH: process.env.PATH,
          HOME: process.env.HOME,
          ...networkEnvironment,
          npm_config_prefer_offline: "true",
          ...stage.env,
        },
        maxBuffer: outputBytesMax,
      });
      return;
    case "ENTRYPOINT":
      stage.entrypoint = JSON.parse(rest);
      return;
    case "CMD":
      stage.command = JSON.parse(rest);
      return;
    case "HEALTHCHECK":
      stage.healthcheck = JSON.parse(rest.slice(rest.indexOf("CMD ") + 4));
      return;
    case "USER":
    case "VOLUME":
    case "EXPOSE":
      return; // who runs it, and what is mounted and reached from outside
    default:
      throw new Error(`${instruction} is not known here`);
  }
}

function copy(rest: string, inStage: (path: string) => string, { context, ignored, stages }: Around): void {
  const from = /^--from=(\S+) /.exec(rest);
  const words = rest.slice(from?.[0].length ?? 0).split(/\s+/);
  const to = words.pop()!;
  const origin = from === null ? context : stages.get(from[1]!)!.root;
  for (const word of words) {
    const source = join(origin, word);
    const isInto =
      to.endsWith("/") || words.length > 1 || (existsSync(inStage(to)) && !statSync(source).isDirectory());
    cpSync(source, isInto ? join(inStage(to), basename(word)) : inStage(to), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => from !== null || !ignored.some((name) => path === join(context, name)),
    });
  }
}

/** A command whose absolute paths are those of the stage; `chown` is for an image's user, which this machine lacks. */
const led = (command: string, root: string): string =>
  command
    .split(" && ")
    .filter((one) => !one.startsWith("chown "))
    .map((one) => one.replace(/(^| )(\/[\w./-]+)/g, (_, before, path) => `${before}${root}${path}`))
    .join(" && ");
