/** Names of other tools' commands, with what there is here in their place. */

/** Words behind `tailrace` that do the same: Heroku's first, then those of docker, kubectl and others. */
export const otherCommands: Readonly<Record<string, string>> = {
  create: "apps:create",
  destroy: "apps:destroy",
  list: "apps",
  ls: "apps",
  "ps:scale": "scale",
  "ps:restart": "restart",
  "ps:stop": "stop",
  "ps:kill": "stop",
  "ps:type": "scale",
  "ps:resize": "scale",
  "dyno:scale": "scale",
  "dyno:restart": "restart",
  "dyno:stop": "stop",
  "dyno:kill": "stop",
  "dyno:resize": "scale",
  "run:detached": "run",
  local: "up",
  "local:start": "up",
  "local:run": "run",
  authorizations: "keys",
  "authorizations:create": "keys:create",
  "authorizations:update": "keys:update",
  "authorizations:revoke": "keys:revoke",
  "authorizations:destroy": "keys:revoke",
  telemetry: "drains",
  "telemetry:add": "drains:add",
  "telemetry:info": "drains:info",
  "telemetry:update": "drains:update",
  "telemetry:remove": "drains:remove",
  "addons:downgrade": "addons:upgrade",
  "config:add": "config:set",
  "config:remove": "config:unset",
  "config:edit": "config:set",
  "config:info": "config",
  "config:show": "config",
  env: "config",
  "autocomplete:script": "completion",
  autocomplete: "completion",
  tail: "logs --tail",
  attach: "logs --tail",
  log: "logs",
  kill: "stop",
  start: "up",
  deploy: "up",
  exec: "run",
  server: "serve",
  version: "--version",
};

const signedIn =
  'There is no signing in: TAILRACE_API_KEY is the key, and "tailrace keys:create" makes one for others.';
const nothing = "There is nothing like it here.";
const noTerminal = 'Nobody gets a terminal in a dyno: "tailrace run" runs a command here.';

/** Words for which there is no command, with what helps. */
export const missingCommands: Readonly<Record<string, string>> = {
  login: signedIn,
  logout: signedIn,
  whoami: signedIn,
  "auth:login": signedIn,
  "auth:logout": signedIn,
  "auth:token": signedIn,
  "auth:whoami": signedIn,
  domains: "There are no domains here: a proxy has them.",
  labs: nothing,
  lock: nothing,
  orgs: nothing,
  pg: nothing,
  "ps:exec": noTerminal,
  console: noTerminal,
  releases: 'Heroku\'s own command lists them: "heroku releases" (docs/heroku-cli.md).',
};

/** Verbs that tools use for the same thing. */
const verbs: readonly (readonly string[])[] = [
  ["create", "add", "new", "make"],
  ["destroy", "delete", "remove", "rm", "revoke"],
  ["update", "edit", "change", "set"],
  ["info", "show", "get", "describe", "inspect"],
  ["pause", "stop", "disable"],
  ["resume", "start", "enable", "unpause"],
];

/** Our command for what other tools call `name`: the words behind `tailrace`. `commands`: the names that there are. */
export function ourCommand(name: string, commands: readonly string[]): string | undefined {
  if (Object.hasOwn(otherCommands, name)) return otherCommands[name];
  const [topic, verb = ""] = name.split(":");
  const same = verbs.find((group) => group.includes(verb)) ?? [];
  return same.map((other) => `${topic}:${other}`).find((other) => commands.includes(other));
}
