/**
 * `npm run bench -- attacks [--nats] [--rounds N] [--seconds N] [--warm] [--floor] [NAME…]`: each attack (or those whose name has one of these words in it), and
 * what a victim beside it feels. Of several rounds, in each of which every attack has its turn, the median is told. The server has a processor of its own. Victim and attacker share another one, where the attacker
 * gives way: a real attacker has a machine of his own, and what he takes from the victim there is not the server's doing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { v8Args } from "../../cli/server-process.ts";
import { chosen } from "../chosen.ts";
import { BenchNats, BenchServer, freePort } from "../server.ts";
import type { Answers, Target } from "./attack.ts";
import { attacks } from "./attacks.ts";
import { certificateFiles } from "./certificate.ts";
import { type Measurement, tableHead, tableRow } from "./table.ts";
import type { Measured } from "./victim.ts";
import type { Watched } from "./watch.ts";

const serverCore = ["taskset", "-c", "0"];
const otherCore = ["taskset", "-c", "1"];
const givesWay = ["nice", "-n", "19", ...otherCore];
/** Each posts a line every 50 ms: with one of them p99 would be the slowest line of all. */
const victims = ["victim-a", "victim-b", "victim-c", "victim-d"];
const warmSeconds = 1;
const quietSeconds = 3;
const memoryEveryMs = 50;
const warmAttackMs = 2_000;

/** A process of this folder that reads lines and answers each with a line. */
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

async function measureAttack(name: string, nats: BenchNats | undefined): Promise<Measurement> {
  const [udpPort, relpPort] = [await freePort(), await freePort()];
  const isTls = attacks[name]!.isTls === true;
  const syslogTlsPort = isTls ? await freePort() : 0;
  const { cert, key } = certificateFiles;
  const tls = ["--tls-cert", cert, "--tls-key", key, "--syslog-tls", `127.0.0.1:${syslogTlsPort}`];
  const doors = ["--syslog-udp", `127.0.0.1:${udpPort}`, "--relp", `127.0.0.1:${relpPort}`];
  const args = [...doors, ...(isTls ? tls : []), ...(nats ? ["--nats", nats.urls] : [])];
  if (isTls) process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"; // the certificate is of tests
  const server = await BenchServer.start(args, serverCore, undefined, [
    "--import",
    new URL("./watch.ts", import.meta.url).href,
    ...v8Args,
    ...values.node,
  ]);
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
      udpPort,
      relpPort,
      syslogTlsPort,
      key: server.key,
      app,
      token: await server.token(app),
    };
    const ports = values.floor ? JSON.parse(await partner(givesWay, "./sink.ts", []).answer()) : {};
    const attackerOf = async () => {
      const made = partner(givesWay, "./attacker.ts", [name, JSON.stringify({ ...target, ...ports })]);
      await made.answer(); // it is prepared
      return made;
    };
    if (values.warm) await attackFor(warmAttackMs, await attackerOf());
    const attacker = await attackerOf();
    const tokensAndTails: string[] = [];
    for (const name of victims) {
      const token = await server.token(name);
      const session = await server.call("POST", `/apps/${name}/log-sessions`, { lines: 0, tail: true });
      tokensAndTails.push(token, (session as { logplex_url: string }).logplex_url);
    }
    const victim = partner(otherCore, "./victim.ts", [server.url, ...tokensAndTails]);
    await victim.answer();
    const measure = async (seconds: number) => {
      victim.tell(seconds);
      return JSON.parse(await victim.answer()) as Measured;
    };
    await measure(warmSeconds);
    server.tell("reset");
    const quiet = await measure(quietSeconds);
    const watchedQuiet = (await server.ask("watched")) as Watched;
    let peakBytes = 0;
    const watch = setInterval(async () => {
      peakBytes = Math.max(peakBytes, await server.memoryBytes().catch(() => 0));
    }, memoryEveryMs);
    server.tell("reset");
    attacker.tell("go");
    const underAttack = await measure(Number(values.seconds));
    const watched = (await server.ask("watched")) as Watched;
    clearInterval(watch);
    attacker.tell("stop");
    return {
      quiet,
      attacked: underAttack,
      peakBytes,
      watched,
      watchedQuiet,
      answers: JSON.parse(await attacker.answer()) as Answers,
    };
  } finally {
    await Promise.all(partners.map((each) => each.end()));
    await server.stop();
  }
}

/** Runs the attack for `ms`. */
async function attackFor(ms: number, attacker: Partner): Promise<void> {
  attacker.tell("go");
  await delay(ms);
  attacker.tell("stop");
  await attacker.answer();
  await attacker.end();
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nats: { type: "boolean", default: false },
    rounds: { type: "string", default: "1" },
    /** How long each attack lasts. */
    seconds: { type: "string", default: "4" },
    /** The server has been attacked in this way before, for two seconds. */
    warm: { type: "boolean", default: false },
    /** The attack goes to ports that only discard, which shows what the machine itself costs. */
    floor: { type: "boolean", default: false },
    /** Arguments of the server's Node. */
    node: { type: "string", multiple: true, default: [] },
  },
});
const [, ...words] = positionals; // the first is the name of this bench
const rounds = Number(values.rounds);
const names = chosen(Object.keys(attacks), words);
const measured = new Map<string, Measurement[]>(names.map((name) => [name, []]));

async function measureOnce(name: string): Promise<void> {
  const nats = values.nats ? await BenchNats.start(1, otherCore) : undefined;
  try {
    measured.get(name)!.push(await measureAttack(name, nats));
  } finally {
    await nats?.stop();
  }
}

console.log(tableHead);
for (let round = 1; round <= rounds; round++) {
  for (const name of names) {
    await measureOnce(name);
    if (round === rounds) console.log(tableRow(name, values.nats ? "nats" : "embedded", measured.get(name)!));
  }
}
