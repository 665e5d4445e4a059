import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/wipe-memory.ts"],
    // Real sockets, stores and child processes: one process for each file keeps them apart.
    pool: "forks",
    maxWorkers: 2,
    // For what hangs, on the slowest machine: how long a test takes says nothing.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    teardownTimeout: 5_000,
    // A test that passes alone and fails in company is a fault: no retries.
    retry: 0,
    passWithNoTests: false,
  },
});
