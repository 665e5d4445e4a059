import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/wipe-memory.ts"],
    // Real sockets, stores and child processes: one process for each file keeps them apart.
    pool: "forks",
    // A third runs while others wait for a server, a browser or a time to come: a third of all tests is waiting.
    maxWorkers: 3,
    // For what hangs: how long a test takes says nothing. Twice what the longest of them took while ten processes
    // wanted each core; what takes longer by its nature says so itself.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Shorter, so that it says what there was instead.
    expect: { poll: { timeout: 100_000 } },
    teardownTimeout: 5_000,
    // A test that passes alone and fails in company is a fault: no retries.
    retry: 0,
    passWithNoTests: false,
  },
});
