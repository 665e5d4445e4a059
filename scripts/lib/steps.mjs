// What a command of the checkout says of itself: one line a step, its duration at the end, a dot now and then
// between them so that nobody takes a long step for a hang.

const dotEveryMs = 2_000;

/** A step that cannot be done. It is printed without a stack, and the command ends with status 1. */
export class CannotGoOn extends Error {}

/** Runs `work` as one line of output: `name ..... 3.2 s`. */
export async function step(name, work) {
  const begun = performance.now();
  process.stdout.write(`tailrace: ${name} `);
  const dots = setInterval(() => process.stdout.write("."), dotEveryMs);
  try {
    const result = await work();
    process.stdout.write(` ${seconds(begun)}\n`);
    return result;
  } catch (error) {
    process.stdout.write(` failed after ${seconds(begun)}\n`);
    throw error;
  } finally {
    clearInterval(dots);
  }
}

export const say = (text) => process.stdout.write(`tailrace: ${text}\n`);

const seconds = (begun) => `${((performance.now() - begun) / 1000).toFixed(1)} s`;

/** Runs a command's main function; what it returns is the exit status. */
export async function command(main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof CannotGoOn)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = 1;
  }
}
