/**
 * The configurations of docs/sending.md in real programs: 10,000 numbered lines each through a server that is killed
 * with -9 once. What has answers loses none.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type NumberedSender, numberedSenders, type Sending } from "../support/numbered-senders.ts";
import { SenderWorld, tailrace } from "../support/sender-world.ts";
import { stores } from "../support/server.ts";
import { until } from "../support/until.ts";

const lines = 10_000;
/** Lines that have been sent when the server is killed: of these it has stored some, and more are under way. */
const linesBefore = 3_000;
const linesEach = 50;
const pauseMs = 20;

let world: SenderWorld;
afterEach(() => world.close());

/** A sender that is given its numbered lines, a few at a time. */
class Numbered {
  readonly sender: NumberedSender;
  readonly #sending: Sending;
  #written = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(sender: NumberedSender, sending: Sending) {
    this.sender = sender;
    this.#sending = sending;
  }

  static async open(sender: NumberedSender): Promise<Numbered> {
    const { name, door, marks = [] } = sender;
    const token = await world.tokenOf(world[door], name, ...marks);
    return new Numbered(sender, await sender.open(world, world[door], token));
  }

  /** Writes up to that many. */
  write(end: number): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      while (this.#written < end) {
        const some = Array.from({ length: linesEach }, (_, i) => `line n=${this.#written + i} of many`);
        await this.#sending.write(some);
        this.#written += linesEach;
        await delay(pauseMs);
      }
    });
    return this.#writing;
  }

  end(): Promise<void> {
    return this.#sending.end();
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#writing]);
    await this.#sending.close();
  }

  /** The lines that did not arrive. */
  async missing(): Promise<number[]> {
    const { name, door } = this.sender;
    const numbers = new Set(await world.numbersOf(world[door], name));
    return Array.from({ length: lines }, (_, n) => n).filter((n) => !numbers.has(n));
  }
}

test.each(stores)(
  "a kill -9 costs RELP, OTLP and HTTP no line, TCP and TLS one stretch at most, on %s",
  async (store) => {
    world = await SenderWorld.open(store);
    const all: Numbered[] = [];
    try {
      for (const sender of numberedSenders) all.push(await Numbered.open(sender));
      await Promise.all(all.map((one) => one.write(linesBefore)));
      for (const one of all) await until(async () => (await one.missing()).length < lines - linesBefore / 3);
      await Promise.all(all.map((one) => one.write(linesBefore + linesEach))); // these are under way
      const rest = Promise.all(all.map((one) => one.write(lines).then(() => one.end())));
      rest.catch(() => {}); // told below
      await world.killAndRestart(() => delay(500));
      await rest;

      for (const one of all) {
        const { name, mayLose } = one.sender;
        if (mayLose === "nothing" || mayLose === "stretch")
          await until(async () => !(await one.missing()).includes(lines - 1), {
            tell: () => `${name}: its last line is missing`,
          });
        const missing = await one.missing();
        console.info(`${name}, ${store}: ${missing.length} of ${lines} lines lost`);
        const isStretch = missing.length === 0 || missing.at(-1)! - missing[0]! + 1 === missing.length;
        if (mayLose === "nothing") expect({ name, missing }).toEqual({ name, missing: [] });
        else if (mayLose !== "any") expect({ name, isStretch, missing }).toMatchObject({ isStretch: true });
      }
      const { stdout } = await tailrace(world.plain.server, [
        "logs",
        "-a",
        "rsyslog-relp",
        "-n",
        "1",
        "--json",
      ]);
      expect(JSON.parse(stdout)).toMatchObject({ source: "numbered", severity: "info" });
    } finally {
      for (const one of all) await one.close();
    }
  },
  240_000,
);
