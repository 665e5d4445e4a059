/** `import heroku` reads apps one by one, and creates and reports each before the next. */
import type { Context } from "../context.ts";
import { appsThere, appThere } from "./app-there.ts";
import { HerokuApi } from "./heroku-api.ts";
import { herokuKey, herokuUrl } from "./heroku-key.ts";
import { type MovedApp, moveApp } from "./moving.ts";
import { movedWords } from "./moving-words.ts";

export type ImportOptions = {
  readonly app?: readonly string[];
  readonly api: string;
  readonly dryRun?: true;
  readonly json?: true;
};

export async function importHeroku(
  { api, output, variables }: Context,
  { app: wanted = [], api: address, dryRun, json }: ImportOptions,
): Promise<void> {
  const url = herokuUrl(address);
  const heroku = new HerokuApi({
    url,
    key: herokuKey(variables, url),
    onWait: (ms) => output.note(`Heroku asks to wait for ${Math.ceil(ms / 1000)} s.`),
  });
  try {
    const here = new Set((await api().apps()).map(({ name }) => name));
    const all: MovedApp[] = [];
    for (const one of await appsThere(heroku, wanted)) {
      const moved = await moveApp(api(), await appThere(heroku, one), { isDry: dryRun === true, here });
      all.push(moved);
      if (!json) await output.print(...movedWords(moved));
    }
    if (json) await output.json(all);
    else output.note(...closingWords(all, dryRun === true));
    if (all.some(isPartial)) process.exitCode = 1;
  } finally {
    heroku.close();
  }
}

/** True if drains are missing here on which the app on Heroku may rely. */
const isPartial = ({ drains, unread }: MovedApp): boolean =>
  drains.some(({ outcome }) => outcome === "refused") || unread.some(({ what }) => what === "drains");

function closingWords(all: readonly MovedApp[], isDry: boolean): readonly string[] {
  const reachable = all.some(({ drain_url: way }) => way !== null && isOfThisMachine(way))
    ? [
        "Heroku does not reach an address of this machine: start the server with --public-url or --ingest-url.",
      ]
    : [];
  const said = isDry ? "Nothing was made: leave --dry-run out to make it." : "Nothing was changed at Heroku.";
  return [`${said} Do the steps of an app in their order, from top to bottom.`, ...reachable];
}

const isOfThisMachine = (url: string): boolean =>
  /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/.test(new URL(url).hostname);
