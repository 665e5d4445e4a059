/** The output of dynos, as it takes turns with all else that `up` does. */
import { readdirSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ChildGroup } from "../../../cli/local/child-group.ts";
import { outputLimits } from "../../../cli/up/limits.ts";
import { OutputTurns } from "../../../cli/up/output-turns.ts";
import { ProcessOutput } from "../../../cli/up/process-output.ts";

/** The time, which goes on when a test says so. */
let nowMs = 0;
const openTurns = () => new OutputTurns(() => nowMs);

/** Takes longer than outputs may in a turn. */
const burn = (): void => {
  nowMs += outputLimits.turnMsMax + 1;
};

class Rig {
  readonly pieces: string[] = [];
  hold: Promise<void> | undefined;
  readonly turns: OutputTurns;

  constructor(turns = openTurns()) {
    this.turns = turns;
  }

  output(name = "", onPiece = () => {}): ProcessOutput {
    const linesOf = (stream: string) => ({
      push: (bytes: Uint8Array) => {
        this.pieces.push(`${name}${stream} ${bytes.length}`);
        onPiece();
      },
      end: () => void this.pieces.push(`${name}${stream} end`),
    });
    return new ProcessOutput({
      turns: this.turns,
      lines: { stdout: linesOf("out"), stderr: linesOf("err") },
      hold: () => this.hold,
    });
  }
}

const bytes = (pieces: number) => Buffer.alloc(pieces * outputLimits.pieceBytes);
const whole = `out ${outputLimits.pieceBytes}`;

describe("output that comes", () => {
  test("is taken at once where there is time", () => {
    const rig = new Rig();
    const output = rig.output();
    expect(output.take("stdout", bytes(1))).toBeUndefined();
    expect(output.take("stderr", Buffer.from("abc"))).toBeUndefined();
    expect(output.end()).toBeUndefined();
    expect(rig.pieces).toEqual([whole, "err 3", "out end", "err end"]);
  });

  test("lets all else come between, and ends behind its last piece", async () => {
    const rig = new Rig();
    const output = rig.output("", burn);
    const taken = output.take("stdout", bytes(3));
    const ended = output.end();
    expect(rig.pieces).toEqual([whole]);
    await nextTurn();
    expect(rig.pieces).toHaveLength(2);
    await Promise.all([taken, ended]);
    expect(rig.pieces).toEqual([whole, whole, whole, "out end", "err end"]);
  });

  test("of several dynos takes turns, however much of one there is", async () => {
    const rig = new Rig();
    const [one, two] = [rig.output("1 ", burn), rig.output("2 ", burn)];
    await Promise.all([one.take("stdout", bytes(4)), two.take("stdout", bytes(2))]);
    expect(rig.pieces.map((piece) => piece[0]).join("")).toBe("112121");
  });

  test("waits while it is held, but for its end", async () => {
    const rig = new Rig();
    let release = () => {};
    rig.hold = new Promise((resolve) => (release = resolve));
    const output = rig.output();
    const taken = output.take("stdout", bytes(2));
    await nextTurn();
    expect(rig.pieces).toEqual([whole]);
    rig.hold = undefined;
    release();
    await taken;
    expect(rig.pieces).toEqual([whole, whole]);
    rig.hold = new Promise(() => {});
    void output.take("stdout", bytes(3));
    await output.end();
    expect(rig.pieces).toEqual([whole, whole, whole, whole, whole, "out end", "err end"]);
  });
});

test("a process whose shell has ended is held like any other, until it is killed", async () => {
  let [held, chunks] = [false, 0];
  const group = new ChildGroup({
    command: "/bin/sh",
    args: ["-c", "(trap '' TERM; echo ready; while :; do echo more; done) & wait"],
    environment: process.env,
    stdin: "ignore",
    endsTogether: true,
    onOutput: () => {
      chunks++;
      if (!held) group.kill("SIGTERM"); // the shell ends, its child does not
      held = true;
      return new Promise(() => {});
    },
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(chunks).toBe(1);
  group.kill("SIGKILL");
  await group.ended;
});

test.runIf(process.platform === "linux")(
  "a process that cannot even be tried leaves nothing open",
  async () => {
    const open = () => readdirSync("/proc/self/fd").length;
    const start = (environment: NodeJS.ProcessEnv) =>
      new ChildGroup({
        command: "/bin/true",
        args: [],
        environment,
        stdin: "ignore",
        onOutput: () => undefined,
      });
    await start(process.env).ended;
    const before = open();
    for (let n = 0; n < 5; n++) {
      expect(() => start({ "A\0B": "1" })).toThrow("null bytes");
      expect(() => start({ A: "x".repeat(4_000_000) })).toThrow("E2BIG");
    }
    await expect.poll(open).toBeLessThanOrEqual(before);
  },
);
