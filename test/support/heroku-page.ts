/** docs/heroku-cli.md, from the table that `test/e2e/heroku-commands.test.ts` holds the command line itself to. */
import { type CommandRow, commandRows } from "./heroku-commands.ts";

const kinds: readonly (readonly [CommandRow["kind"], string, string])[] = [
  [
    "works",
    "What works",
    "Tests run each of these as Heroku publishes it. Two commands about releases differ from Heroku's. `releases:info` shows the release in force; an older one it shows with `--json` only, because its config vars are not kept. `releases:output` says that there is no output: it is in the app's log, as `app[release.N]`.",
  ],
  [
    "no meaning",
    "What has no meaning here",
    "The server answers these in Heroku's form, and names what to use instead: `Error: … has no meaning on tailrace. …`, `Error ID: invalid_params`, status 2.",
  ],
  ["none here", "What there is none of", "The command says so itself, such as `shop has no databases`."],
  ["this machine", "What does not ask a server", "These do what they do everywhere."],
  [
    "another host",
    "What asks another host",
    "These ask hosts of Heroku's that no variable moves, and send some of them the key. Do not use them with a key of this server.",
  ],
];

export function herokuCliPage(): string {
  const sections = kinds.flatMap(([kind, title, about]) => [
    `## ${title}`,
    "",
    about,
    "",
    "| What for | Commands |",
    "|---|---|",
    ...commandRows
      .filter((row) => row.kind === kind)
      .map((row) => `| ${row.about} | ${row.commands.map((name) => `\`${name}\``).join(" ")} |`),
    "",
  ]);
  return `${[head, ...sections].join("\n").trim()}\n`;
}

const head = `# Heroku's command line

The \`heroku\` command (npm \`heroku\`, 11.10), as it is published, works with a tailrace server. These variables lead it there:

<!-- example: variables -->
\`\`\`sh
export HEROKU_HOST=http://127.0.0.1:8601              # the server
export HEROKU_PARTICLEBOARD_URL=$HEROKU_HOST          # else \`whoami\` and \`apps\` send the key to Heroku, too
export HEROKU_API_KEY=$(cat data/api-key)             # or a key of \`tailrace keys:create\`
export DISABLE_TELEMETRY=true                         # nothing is told to Heroku of what you do
heroku logs --tail -a shop
\`\`\`

The command accepts \`HEROKU_HOST\` only if its text contains \`localhost\` or \`127.0.0.1\`, or names a host of Heroku's. For a server elsewhere write
\`HEROKU_HOST='https://logs.example.com/#localhost'\` and \`HEROKU_HEADERS='{"Authorization":"Bearer KEY"}'\`, or forward a port. If the server's
certificate comes from a private authority, name the authority's certificate in \`NODE_EXTRA_CA_CERTS\`.

Heroku's MCP server (npm \`@heroku/mcp-server\`) runs the \`heroku\` command, so it needs the same variables. Its release 1.2.8 does not start on
a plain Node, because it names modules of its SDK without their \`.js\`. Tests correct these names and nothing else.

In the tables, \`pg:*\` stands for \`pg\` and for all commands that begin with \`pg:\`, except those that another row names.
`;
