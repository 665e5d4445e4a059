/**
 * `npm run bench -- attacks [--nats] [NAME…]`: each attack (or those whose name has one of these words in it), and what a
 * victim beside it feels. The server has a processor of its own. Victim and attacker share another one, where the attacker
 * gives way: a real attacker has a machine of his own, and what he takes from the victim there is not the server's doing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { BenchNats, BenchServer } from "../server.ts";
import type { Target, Told } from "./attack.ts";
import { attacks } from "./attacks.ts";
import type { Measured } from "./victim.ts";

const serverCore = ["taskset", "-c", "0"];
const otherCore = ["taskset", "-c", "1"];
const givesWay = ["nice", "-n", "19", ...otherCore];
const warmSeconds = 1.5;
const quietSeconds = 4;
const attackedSeconds = 5;
const memoryEveryMs = 50;

/** A process of this folder that is told lines and answers in lines. */
class Partner {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reading: Interface;

  constructor(prefix: readonly string[], file: string, args: readonly string[]) {
    const [program = "", ...more] = [
      ...prefix,
      process.execPath,
      fileURLToPath(new URL(file, import.meta.url)),
      ...args,
    ];
    this.#child = spawn(program, more, { stdio: ["pipe", "pipe", "inherit"] });
    this.#reading = createInterface({ input: this.#child.stdout! });
    this.#lines = this.#reading[Symbol.asyncIterator]();
  }

  tell(line: string | number): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  async answer(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("it ended without an answer");
    return value;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}

type Row = {
  readonly quiet: Measured;
  readonly attacked: Measured;
  readonly peakBytes: number;
  readonly told: Told;
};

async function measureAttack(name: string, nats: BenchNats | undefined): Promise<Row> {
  const server = await BenchServer.start(nats ? ["--nats", nats.urls] : [], serverCore);
  const partners: Partner[] = [];
  const partner = (...args: ConstructorParameters<typeof Partner>) => {
    const made = new Partner(...args);
    partners.push(made);
    return made;
  };
  try {
    const app = "attacker";
    const target: Target = {
      port: Number(new URL(server.url).port),
      syslogPort: server.syslogPort,
      key: server.key,
      app,
      token: await server.token(app),
    };
    const attacker = partner(givesWay, "./attacker.ts", [name, JSON.stringify(target)]);
    await attacker.answer();
    const token = await server.token("victim");
    const session = await server.call("POST", "/apps/victim/log-sessions", { lines: 0, tail: true });
    const { logplex_url: sessionUrl } = session as { logplex_url: string };
    const victim = partner(otherCore, "./victim.ts", [server.url, token, sessionUrl]);
    await victim.answer();
    const measure = async (seconds: number) => {
      victim.tell(seconds);
      return JSON.parse(await victim.answer()) as Measured;
    };
    await measure(warmSeconds);
    const quiet = await measure(quietSeconds);
    let peakBytes = 0;
    const watch = setInterval(async () => {
      peakBytes = Math.max(peakBytes, await server.memoryBytes().catch(() => 0));
    }, memoryEveryMs);
    attacker.tell("go");
    const attacked = await measure(attackedSeconds);
    clearInterval(watch);
    attacker.tell("stop");
    return { quiet, attacked, peakBytes, told: JSON.parse(await attacker.answer()) as Told };
  } finally {
    await Promise.all(partners.map((each) => each.end()));
    await server.stop();
  }
}

const words = process.argv.slice(2).filter((word) => !word.startsWith("--") && word !== "attacks");
const isNats = process.argv.includes("--nats");
const names = Object.keys(attacks).filter(
  (name) => words.length === 0 || words.some((word) => name.includes(word)),
);
const ms = (value: number) => value.toFixed(1);
console.log(
  "| Attack | Engine | Quiet p99, ms | p99, ms | Ratio | Lost | Refused | Peak, MiB | The attacker is told |",
);
console.log("|---|---|---|---|---|---|---|---|---|");
for (const name of names) {
  const nats = isNats ? await BenchNats.start(1, otherCore) : undefined;
  try {
    const { quiet, attacked, peakBytes, told } = await measureAttack(name, nats);
    const ratio = (attacked.p99Ms / quiet.p99Ms).toFixed(1);
    const answers = Object.entries(told).map(([what, times]) => `${times} × ${what}`);
    const cells = [
      name,
      isNats ? "nats" : "embedded",
      ms(quiet.p99Ms),
      ms(attacked.p99Ms),
      ratio,
      attacked.lost,
      attacked.refused,
      peakBytes >> 20,
      answers.join(", ").replaceAll(/[\n|]/g, " "),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  } finally {
    await nats?.stop();
  }
}
