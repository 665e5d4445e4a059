import { writeFileSync } from "node:fs";

/** A vitest reporter for `npm test`: how many tests passed and failed, into the file that TEST_COUNTS names. */
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length };
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") counts.passed++;
        if (state === "failed") failedHere++;
      }
      // A file that fails outside its tests (it cannot be loaded, a hook throws) counts as one.
      counts.failed += failedHere === 0 && module.state() === "failed" ? 1 : failedHere;
    }
    writeFileSync(process.env.TEST_COUNTS, JSON.stringify(counts));
  }
}
