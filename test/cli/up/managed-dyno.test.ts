/** One dyno through its states, with processes that the test plays and time that it holds. */
import { describe, expect, test } from "vitest";
import type { Boot, DynoProcess } from "../../../cli/up/dyno-process.ts";
import { dynoLimits } from "../../../cli/up/limits.ts";
import { ManagedDyno } from "../../../cli/up/managed-dyno.ts";
import { watchMemory } from "../../../cli/up/memory-watch.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** A process of the test: it ends when the test says so, or at a signal. */
class PlayedProcess implements DynoProcess {
  readonly pid = 4_242;
  readonly address = { host: "127.0.0.1", port: 1 };
  readonly signals: string[] = [];
  exit: (status: number) => void = () => {};
  boot: (outcome: Boot) => void = () => {};
  readonly booted = new Promise<Boot>((resolve) => (this.boot = resolve));
  readonly ended = new Promise<number>((resolve) => (this.exit = resolve));
  readonly #isDeaf: boolean;

  constructor(isDeaf: boolean) {
    this.#isDeaf = isDeaf;
    void this.ended.then(() => this.boot("ended"));
  }

  kill(signal: NodeJS.Signals): void {
    this.signals.push(signal);
    if (signal === "SIGKILL") this.exit(137);
    else if (!this.#isDeaf) this.exit(143);
  }
}

function opened({ isDeaf = false, isOneOff = false, bootsAtOnce = true } = {}) {
  const clock = new FakeClock();
  const messages: string[] = [];
  const processes: PlayedProcess[] = [];
  const dyno = new ManagedDyno({
    name: "web.1",
    type: "web",
    spec: { command: "node web.js", size: "Standard-1X", memoryMb: 512, release: 1, environment: {} },
    isOneOff,
    start: async () => {
      const process = new PlayedProcess(isDeaf);
      if (bootsAtOnce) process.boot("up");
      processes.push(process);
      return process;
    },
    onState: (text) => messages.push(text),
    onChange: () => {},
    clock,
    limits: dynoLimits,
  });
  const pass = (ms = 0) => clock.advance(ms);
  return { clock, messages, dyno, processes, pass, newest: () => processes.at(-1)! };
}

const started = ["Starting process with command `node web.js`", "State changed from starting to up"];

describe("a dyno", () => {
  test("starts, and ends in good order when it is removed", async () => {
    const { messages, dyno, pass } = opened();
    await pass();
    expect(dyno.state).toBe("up");
    dyno.remove();
    await dyno.gone;
    expect(messages).toEqual([
      ...started,
      "Stopping all processes with SIGTERM",
      "Process exited with status 143",
      "State changed from up to down",
    ]);
  });

  test("that does not end within 30 s of SIGTERM is killed, and R12 says so", async () => {
    const { messages, dyno, pass, newest } = opened({ isDeaf: true });
    await pass();
    dyno.remove();
    await pass(29_999);
    expect(newest().signals).toEqual(["SIGTERM"]);
    await pass(1);
    await dyno.gone;
    expect(newest().signals).toEqual(["SIGTERM", "SIGKILL"]);
    expect(messages.slice(2)).toEqual([
      "Stopping all processes with SIGTERM",
      "Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM",
      "Stopping remaining processes with SIGKILL",
      "Process exited with status 137",
      "State changed from up to down",
    ]);
  });

  test("is restarted in Heroku's words", async () => {
    const { messages, dyno, pass, processes } = opened();
    await pass();
    dyno.restart();
    await pass();
    expect(messages.slice(2)).toEqual([
      "Restarting",
      "State changed from up to starting",
      "Stopping all processes with SIGTERM",
      "Process exited with status 143",
      ...started,
    ]);
    expect(processes).toHaveLength(2);
  });

  test("that crashes is started again after a second", async () => {
    const { messages, dyno, pass, processes, newest } = opened();
    await pass();
    newest().exit(1);
    await pass(999);
    expect(dyno.state).toBe("crashed");
    await pass(1);
    expect(processes).toHaveLength(2);
    expect(messages.slice(2)).toEqual([
      "Process exited with status 1",
      "State changed from up to crashed",
      "State changed from crashed to starting",
      ...started,
    ]);
  });

  test("that ends with status 0 has crashed, too: it was to go on", async () => {
    const { messages, pass, newest } = opened();
    await pass();
    newest().exit(0);
    await pass();
    expect(messages.slice(2)).toEqual(["Process exited with status 0", "State changed from up to crashed"]);
  });

  test("that was stopped stays down until it is restarted, and may be removed meanwhile", async () => {
    const { messages, dyno, pass, processes } = opened();
    await pass();
    dyno.stop();
    await pass(3_600_000);
    expect(dyno.state).toBe("down");
    expect(processes).toHaveLength(1);
    dyno.restart();
    await pass();
    expect(dyno.state).toBe("up");
    expect(messages).toContain("State changed from down to starting");
    dyno.stop();
    await pass();
    dyno.remove();
    await dyno.gone;
    expect(processes).toHaveLength(2);
  });

  test("that is stopped while it waits after a crash does not start", async () => {
    const { dyno, pass, processes, newest } = opened();
    await pass();
    newest().exit(1);
    await pass();
    dyno.stop();
    await pass(3_600_000);
    expect({ state: dyno.state, processes: processes.length }).toEqual({ state: "down", processes: 1 });
    dyno.remove();
    await dyno.gone;
  });

  test("that is removed before its process was there leaves none behind", async () => {
    const { dyno, processes } = opened();
    dyno.remove();
    await dyno.gone;
    expect(processes.every(({ signals }) => signals.length > 0)).toBe(true);
  });

  test("that does not bind its port in time is ended with R10", async () => {
    const { messages, pass, newest } = opened({ bootsAtOnce: false });
    await pass();
    newest().boot("late");
    await pass();
    expect(messages.slice(1, 5)).toEqual([
      "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch",
      "Stopping process with SIGKILL",
      "Process exited with status 137",
      "State changed from starting to crashed",
    ]);
  });

  test.each([
    [0, "complete"],
    [2, "crashed"],
  ])("that runs once and ends with %i is %s, and is not started again", async (status, state) => {
    const { messages, dyno, pass, processes, newest } = opened({ isOneOff: true });
    await pass();
    newest().exit(status);
    expect(await dyno.gone).toBe(status);
    expect(messages.at(-1)).toBe(`State changed from up to ${state}`);
    await pass(3_600_000);
    expect(processes).toHaveLength(1);
  });
});

describe("a crash loop", () => {
  test("is told once and counted, with waits that grow to five minutes", async () => {
    const { clock, messages, dyno, pass, processes, newest } = opened();
    const startsMs: number[] = [];
    await pass();
    for (let n = 0; n < 12; n++) {
      startsMs.push(clock.monotonicMs());
      newest().exit(1);
      for (const { length } = processes; processes.length === length; ) await pass(1_000);
    }
    const waitsS = startsMs.slice(1).map((ms, n) => Math.round((ms - startsMs[n]!) / 1_000));
    expect(waitsS).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    const first = [...started, "Process exited with status 1", "State changed from up to crashed"];
    expect(messages).toEqual([
      ...first,
      "State changed from crashed to starting",
      ...first,
      expect.stringContaining("further crashes are counted"),
    ]);
    await pass(dynoLimits.stableMs);
    expect(messages.slice(-2)).toEqual([
      "Crashed 10 more times since that was told (status 1 at last)",
      "State changed from crashed to up",
    ]);
    dyno.remove();
    await dyno.gone;
  });

  test("begins anew for a dyno that ran for a minute in between", async () => {
    const { messages, pass, newest } = opened();
    for (let n = 0; n < 4; n++) {
      await pass(dynoLimits.stableMs + 1_000);
      newest().exit(1);
      await pass(1_000);
    }
    expect(messages.filter((text) => text === "State changed from up to crashed")).toHaveLength(4);
    expect(messages.join()).not.toContain("counted");
  });

  test("is told when the dyno is restarted by hand", async () => {
    const { messages, dyno, pass, newest, processes } = opened();
    await pass();
    for (let n = 0; n < 4; n++) {
      newest().exit(1);
      for (const { length } = processes; processes.length === length; ) await pass(1_000);
    }
    dyno.restart();
    await pass();
    expect(messages).toContain("Crashed 2 more times since that was told (status 1 at last)");
    expect(messages.slice(-2)).toEqual(started);
  });
});

describe("memory", () => {
  async function sampled(rssMb: number, areShown = true) {
    const { clock, messages, dyno, pass, newest } = opened();
    const tellSample = (_: string, text: string) => messages.push(text);
    await pass();
    const end = new AbortController();
    const watching = watchMemory(
      {
        appId: "APP",
        dynos: () => [dyno],
        tell: (_, text) => messages.push(text),
        ...(areShown && { tellSample }),
        read: async () => new Map([[newest().pid, { rssKb: rssMb * 1024, cacheKb: 1024, swapKb: 0 }]]),
        clock,
      },
      end.signal,
    );
    await pass(20_000);
    end.abort();
    await watching;
    return { messages: messages.slice(2), dyno };
  }

  test("is sampled every 20 s in Heroku's form", async () => {
    const { messages, dyno } = await sampled(99);
    expect(messages).toEqual([
      `source=web.1 dyno=heroku.APP.${dyno.id} sample#memory_total=100.00MB sample#memory_rss=99.00MB ` +
        "sample#memory_cache=1.00MB sample#memory_swap=0.00MB sample#memory_quota=512.00MB",
    ]);
  });

  test("above the quota is told as R14", async () => {
    const { messages, dyno } = await sampled(600);
    expect(messages.slice(1)).toEqual([
      "Process running mem=601M(117.4%)",
      "Error R14 (Memory quota exceeded)",
    ]);
    expect(dyno.state).toBe("up");
  });

  test("that is not to be told is watched all the same", async () => {
    expect((await sampled(99, false)).messages).toEqual([]);
    expect((await sampled(600, false)).messages).toEqual([
      "Process running mem=601M(117.4%)",
      "Error R14 (Memory quota exceeded)",
    ]);
  });

  test("far above the quota ends the dyno with R15", async () => {
    const { messages } = await sampled(1_100);
    expect(messages.slice(1, 6)).toEqual([
      "Process running mem=1101M(215.0%)",
      "Error R15 (Memory quota vastly exceeded)",
      "Stopping process with SIGKILL",
      "Process exited with status 137",
      "State changed from up to crashed",
    ]);
  });
});
