import type { Command } from "commander";
import type { Api } from "../api/api.ts";
import type { IngestToken } from "../api/api-types.ts";
import { appOption, appsOption, requiredApp } from "../app-names.ts";
import { printRows } from "../app-rows.ts";
import { type Context, jsonOption } from "../context.ts";
import { CliError, wrongUse } from "../errors.ts";
import { ListedArgument } from "../listed.ts";

type Wanted = {
  readonly app?: string;
  readonly json?: true;
  readonly keepHostname?: true;
  readonly keepSource?: true;
};

/** `tokens`, `tokens:create`, `tokens:revoke`. */
export function registerTokens(program: Command, context: Context): void {
  const { api, output } = context;
  program
    .command("tokens")
    .description("list the ingest tokens of apps with their ready-made addresses")
    .addOption(appsOption())
    .addOption(jsonOption())
    .action((options: { app?: string[]; json?: true }) =>
      printRows(context, options, {
        rowsOf: async (app) => (await api().tokens(app)).map((token) => withUrl(api(), token)),
        heads: ["SOURCE", "TOKEN", "SYSLOG TAG", "KEEPS", "URL"],
        cells: (token) => [token.name, token.token, token.syslog_tag ?? "-", keptBy(token), token.url],
        none: (app) => `${app} has no tokens. "tailrace tokens:create -a ${app} app" makes one.`,
      }),
    );

  program
    .command("tokens:create")
    .description("make an ingest token: the right to write to an app under one source name")
    .argument("<source>", "the name that lines sent with it carry, as in app[web.1]")
    .option("--keep-hostname", "put the host that a syslog sender names in front of the process")
    .option("--keep-source", "let the sender's APPNAME or tag be the source of its lines")
    .addOption(appOption())
    .addOption(jsonOption())
    .action(async (source: string, { app, json, keepHostname, keepSource }: Wanted) => {
      const marks = {
        ...(keepHostname && { keep_hostname: keepHostname }),
        ...(keepSource && { keep_source: keepSource }),
      };
      const token = withUrl(api(), await api().createToken(requiredApp(app), source, marks));
      if (json) return output.json(token);
      await output.print(token.url);
      output.note(
        `Lines sent there are lines of ${token.name}. "tailrace tokens:revoke ${token.token}" ends it.`,
      );
    });

  program
    .command("tokens:revoke")
    .description("revoke an ingest token at once")
    .addArgument(new ListedArgument("token", "<token>", "t.… as it is listed"))
    .addOption(appOption("the app that has the token (else all apps are searched)"))
    .addOption(jsonOption())
    .action(async (token: string, { app, json }: { app?: string; json?: true }) => {
      if (!token.startsWith("t."))
        throw wrongUse(
          `"${token}" is no token: several may have one name.`,
          '"tailrace tokens -a APP" lists them: t.…',
        );
      const owner = app || (await ownerOf(api(), token));
      await api().revokeToken(owner, token);
      await (json ? output.json({ token, app: owner }) : output.print(`Revoked token ${token} of ${owner}`));
    });
}

/** The token in its address, in the form for log-shuttle, curl and `LOGS_URL`. */
const withUrl = (api: Api, token: IngestToken): IngestToken & { url: string } => ({
  ...token,
  url: api.sendingUrl(token),
});

const keptBy = ({ keep_hostname: host, keep_source: source }: IngestToken): string =>
  [...(host ? ["hostname"] : []), ...(source ? ["source"] : [])].join(", ") || "-";

async function ownerOf(api: Api, token: string): Promise<string> {
  for (const app of await api.apps()) {
    const tokens = await api.tokens(app.name);
    if (tokens.some((other) => other.token === token)) return app.name;
  }
  throw new CliError("No app that this key may see has this token.", '"tailrace tokens -a APP" lists them.');
}
