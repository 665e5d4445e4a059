import { Argument, type Command } from "commander";
import { type Context, collect, jsonOption } from "../context.ts";
import type { ImportOptions } from "../heroku/import-heroku.ts";

/** `import heroku`: recreates apps, tokens and drains from Heroku, where nothing is changed. */
export function registerImport(program: Command, context: Context): void {
  program
    .command("import")
    .description(
      "create apps and drains here as they are at Heroku, and print what is left to do; nothing is changed there",
    )
    .addArgument(new Argument("<platform>", "where they are").choices(["heroku"]))
    .option(
      "-a, --app <app>",
      "an app there, or a pattern like 'shop-*' (may be repeated; else all)",
      collect,
    )
    .option("--api <url>", "where Heroku's API is", "https://api.heroku.com")
    .option("--dry-run", "say what would be created, and create nothing")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Environment:
  HEROKU_API_KEY  the key for Heroku; else the password for api.heroku.com in ~/.netrc, which "heroku login" leaves there

Drains of an app are added here; those of add-ons are their providers'. Of config vars only names are kept. Running it
again makes nothing twice. Exit status 1: a drain was refused here, or the drains of an app could not be read.`,
    )
    .action(async (_platform: string, options: ImportOptions) => {
      const { importHeroku } = await import("../heroku/import-heroku.ts");
      await importHeroku(context, options);
    });
}
