/** Threads that nobody waits for as urgently as for a line give way from their beginning. */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { expect, test } from "vitest";
import { backgroundWorker } from "../../src/threads/background-worker.ts";

const isLinux = process.platform === "linux";

test("a thread's priority is low when its script is loaded, and the others keep theirs", async () => {
  const before = getPriority();
  const thread = backgroundWorker(new URL("./says-priority", import.meta.url), { nice: before + 7 });
  const [said] = await once(thread, "message");
  expect(said).toBe(isLinux ? before + 7 : getPriority());
  if (isLinux) expect(getPriority()).toBe(before);
  await thread.terminate();
});

test("a thread of a process that gives way even more does not raise its priority, which only root may", async () => {
  const before = getPriority();
  const thread = backgroundWorker(new URL("./says-priority", import.meta.url), { nice: before - 3 });
  const [said] = await once(thread, "message");
  expect(said).toBe(before);
  await thread.terminate();
});

test("every thread gives way, but for the one that the event loop waits for", () => {
  const paths = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".ts"),
  );
  const starting = paths.filter((path) => readFileSync(`src/${path}`, "utf8").includes("new Worker("));
  expect(starting.sort()).toEqual(["engines/journal/write-thread.ts", "threads/background-worker.ts"]);
});
