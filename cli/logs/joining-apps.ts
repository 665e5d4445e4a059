/** Follows several apps at once, including those that are created in the meantime. */
import { setTimeout as sleep } from "node:timers/promises";
import { CliError } from "../errors.ts";

/** How often the list of apps is fetched. */
const lookEveryMs = 5_000;

/**
 * Yields apps in `list` that are not `known`, each once. A list that cannot be fetched is retried; one that is refused
 * is thrown.
 */
export async function* newApps(
  list: () => Promise<readonly string[]>,
  known: readonly string[],
  wait: () => Promise<unknown> = () => sleep(lookEveryMs),
): AsyncGenerator<string, never> {
  const seen = new Set(known);
  for (;;) {
    await wait();
    let listed: readonly string[] = [];
    try {
      listed = await list();
    } catch (error) {
      if (!(error instanceof CliError && error.passing)) throw error;
    }
    for (const app of listed) {
      if (seen.has(app)) continue;
      seen.add(app);
      yield app;
    }
  }
}

type Following = {
  readonly apps: readonly string[];
  readonly follow: (app: string) => Promise<void>;
  /** Apps that are created later; absent: none. */
  readonly joining?: AsyncIterable<string>;
  readonly join: (app: string) => Promise<void>;
  /** Called for an app that cannot be followed any more: the others continue. */
  readonly failed: (app: string, error: CliError) => void;
};

/** Follows all of them. Ends, with the first failure, when no app is left to follow and none can join. */
export async function followAll({ apps, follow, joining, join, failed }: Following): Promise<void> {
  let first: CliError | undefined;
  const guarded = async (app: string, run: (app: string) => Promise<void>) => {
    try {
      await run(app);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      failed(app, error);
      first ??= error;
    }
  };
  const running = apps.map((app) => guarded(app, follow));
  const joins = (async () => {
    for await (const app of joining ?? []) guarded(app, join);
  })();
  await Promise.all([...running, joins]);
  if (first !== undefined) throw first;
}
