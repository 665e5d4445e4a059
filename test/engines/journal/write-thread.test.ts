/** Small writes that the event loop waits for. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { writeBytesMax } from "../../../src/engines/journal/write-slot.ts";
import { WriteThread } from "../../../src/engines/journal/write-thread.ts";

async function openFile() {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-writes-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "file");
  const fd = openSync(path, "w+");
  onTestFinished(() => closeSync(fd));
  return { path, fd };
}

/** A thread that has begun, so that it takes every small write that is not skipped. */
async function openThread(limits?: { readonly waitMsMax: number }) {
  const thread = new WriteThread({ smallMin: 1, ...limits });
  onTestFinished(() => thread.close());
  const { fd } = await openFile();
  while (!(await write(thread, fd, [Buffer.from("first")], 0))) await turn();
  return thread;
}

/** True if the thread took the write. */
async function write(thread: WriteThread, fd: number, parts: readonly Buffer[], at: number) {
  const done = thread.write(fd, parts, at);
  await done;
  return done !== undefined;
}

test("every part is in the file, at its place, when the write has ended", async () => {
  const thread = await openThread({ waitMsMax: 60_000 });
  const { path, fd } = await openFile();
  const sizes = fc.array(fc.nat({ max: writeBytesMax / 8 }), { minLength: 1, maxLength: 8 });
  let expected = Buffer.alloc(0);
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(255), async (lengths, byte) => {
      const parts = lengths.map((length, n) => Buffer.alloc(length, byte + n));
      expect(await write(thread, fd, parts, expected.length)).toBe(true);
      expected = Buffer.concat([expected, ...parts]);
      expect(readFileSync(path).equals(expected)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test("what is larger is left to others, untouched", async () => {
  const thread = await openThread({ waitMsMax: 60_000 });
  const { path, fd } = await openFile();
  expect(await write(thread, fd, [Buffer.alloc(writeBytesMax), Buffer.alloc(1)], 0)).toBe(false);
  expect(readFileSync(path)).toHaveLength(0);
  expect(await write(thread, fd, [Buffer.alloc(writeBytesMax)], 0)).toBe(true);
});

test("an error of the system is told, whether somebody waits or not, and the next write goes on", async () => {
  for (const waitMsMax of [60_000, 0]) {
    const thread = await openThread({ waitMsMax });
    const { path, fd } = await openFile();
    const readOnly = openSync(path, "r");
    onTestFinished(() => closeSync(readOnly));
    const fails = async () => {
      for (;;) await write(thread, readOnly, [Buffer.from("lost")], 0);
    };
    await expect(fails()).rejects.toMatchObject({ code: "EBADF" });
    while (!(await write(thread, fd, [Buffer.from("kept")], 0)));
    expect(readFileSync(path, "utf8")).toBe("kept");
  }
});

test("after a write that takes too long, the next ones are left to others, more of them each time", async () => {
  const thread = await openThread({ waitMsMax: 0 });
  const { path, fd } = await openFile();
  let bytes = 0;
  let left = 0;
  let leftMax = 0;
  while (leftMax < 63) {
    const wasTaken = await write(thread, fd, [Buffer.from("x")], bytes);
    if (wasTaken) bytes++;
    left = wasTaken ? 0 : left + 1;
    leftMax = Math.max(leftMax, left);
  }
  expect(await write(thread, fd, [Buffer.from("x")], bytes)).toBe(true);
  expect(readFileSync(path, "utf8")).toBe("x".repeat(bytes + 1));
});

test("while a write takes too long, no other is taken", async () => {
  const thread = await openThread({ waitMsMax: 0 });
  const { fd } = await openFile();
  const write = () => thread.write(fd, [Buffer.alloc(writeBytesMax)], 0);
  for (let isLate = false; !isLate; ) {
    const done = write();
    isLate = done !== undefined;
    void done?.then(() => (isLate = false));
    for (let n = 0; n < 10; n++) await undefined; // one that was in time has told so by now
    if (isLate) for (let n = 0; n < 100; n++) expect(write()).toBeUndefined();
    const wasLate = isLate;
    await done;
    isLate = wasLate;
  }
});
