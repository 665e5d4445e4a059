/** Small writes when their thread cannot begin, ends, or never answers: others write, and nothing counts as written. */
import { EventEmitter } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { folderDisk } from "../../../src/engines/journal/disk.ts";
import { WriteThread } from "../../../src/engines/journal/write-thread.ts";

const threads = vi.hoisted(() => ({ isRefused: false, begun: [] as EventEmitter[] }));

/** A thread that says that it is ready, and then nothing. */
vi.mock("node:worker_threads", () => ({
  Worker: class extends EventEmitter {
    constructor() {
      super();
      if (threads.isRefused) throw Object.assign(new Error("EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" });
      threads.begun.push(this);
    }
    ref() {}
    unref() {}
    async terminate() {}
  },
}));

beforeEach(() => {
  threads.isRefused = false;
  threads.begun = [];
});

const small = [Buffer.from("line")];

test("where the system has no thread to spare, others write, now and later, and the operator is told once", async () => {
  threads.isRefused = true;
  const folder = await mkdtemp(join(tmpdir(), "tailrace-writes-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const warn = vi.fn();
  const file = await folderDisk(folder, new WriteThread({ smallMin: 1 }, { warn })).create("file");
  onTestFinished(() => file.close());
  for (let at = 0; at < 10; at++) await file.writeSynced([Buffer.from(String(at))], at);
  const bytes = Buffer.alloc(10);
  await file.read(bytes, 0);
  expect(bytes.toString()).toBe("0123456789");
  expect(warn).toHaveBeenCalledOnce();
});

test("a write that was under way when the thread ended has failed, and the next ones are left to others", async () => {
  const warn = vi.fn();
  const thread = new WriteThread({ smallMin: 1, waitMsMax: 0 }, { warn });
  const fd = openSync("/dev/null", "w");
  onTestFinished(() => closeSync(fd));
  expect(thread.write(fd, small, 0)).toBeUndefined();
  const [worker] = threads.begun;
  worker!.emit("message", "ready");
  const done = thread.write(fd, small, 0);
  expect(thread.write(fd, small, 0)).toBeUndefined();
  worker!.emit("error", new Error("out of memory"));
  worker!.emit("exit", 1);
  await expect(done).rejects.toThrow("the thread that writes has ended");
  for (let n = 0; n < 100; n++) expect(thread.write(fd, small, 0)).toBeUndefined();
  expect(threads.begun).toHaveLength(1);
  expect(warn).toHaveBeenCalledOnce();
});
