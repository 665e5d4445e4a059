/** The app of a drain that is named without it. */
import type { Api } from "../api/api.ts";
import { requiredApp } from "../app-names.ts";
import { CliError, wrongUse } from "../errors.ts";

/** `app`, else the one that has the drain, of all that the key may see. A URL may be that of several drains. */
export async function ownerOf(api: Api, app: string | undefined, drain: string): Promise<string> {
  if (app) return requiredApp(app);
  const owners: string[] = [];
  for (const { name } of await api.apps()) {
    const drains = await api.drains(name);
    if (drains.some(({ token, id, url }) => [token, id, url].includes(drain))) owners.push(name);
  }
  if (owners.length > 1)
    throw wrongUse(`${owners.length} apps have a drain "${drain}": ${owners.join(", ")}.`, 'Add "-a APP".');
  if (owners[0] !== undefined) return owners[0];
  throw new CliError(
    `No app that this key may see has a drain "${drain}".`,
    '"tailrace drains" lists the drains of all apps.',
  );
}
