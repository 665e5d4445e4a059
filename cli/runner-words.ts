import type { Context } from "./context.ts";

/** Says that a change has no effect yet, because no `up` runs the app. Says nothing if the server cannot tell. */
export async function noteWhenIdle(
  { api, output }: Pick<Context, "api" | "output">,
  app: string,
): Promise<void> {
  const runners = await api()
    .runner(app)
    .catch(() => undefined);
  if (runners?.length === 0)
    output.note(`Nothing runs ${app} now: the next "tailrace up -a ${app}" begins with this.`);
}
