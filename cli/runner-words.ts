import type { Context } from "./context.ts";

/** Says of a change that was made when it has no effect yet, since no `up` runs the app. A server that cannot tell brings no word. */
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
