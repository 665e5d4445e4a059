/** Heroku's command line (test/heroku), command by command: does it work here? docs/heroku-cli.md is written from this. */
import { readFileSync } from "node:fs";

export type CommandRow = {
  readonly kind: "works" | "no meaning" | "none here" | "this machine" | "another host";
  readonly about: string;
  /** Names of commands; `pg:*` stands for `pg` and all that begin with `pg:`, but for those that a row names. */
  readonly commands: readonly string[];
};

type Manifest = {
  readonly commands: Readonly<
    Record<
      string,
      {
        readonly flags: Readonly<
          Record<
            string,
            { readonly name: string; readonly required?: boolean; readonly options?: readonly string[] }
          >
        >;
        readonly args: Readonly<
          Record<
            string,
            { readonly name: string; readonly required?: boolean; readonly options?: readonly string[] }
          >
        >;
      }
    >
  >;
};

export const commandRows: readonly CommandRow[] = [
  {
    kind: "works",
    about: "apps, and who you are",
    commands: [
      ...["auth:whoami", "auth:token", "apps", "apps:create", "apps:info", "apps:destroy", "access"],
      ...["authorizations", "authorizations:create", "authorizations:info", "authorizations:update"],
      ...["authorizations:revoke", "auth:2fa", "version:info"],
    ],
  },
  { kind: "works", about: "the log, every option of it", commands: ["logs"] },
  {
    kind: "works",
    about: "drains",
    commands: [
      ...["drains", "drains:add", "drains:remove"],
      ...["telemetry", "telemetry:add", "telemetry:info", "telemetry:update", "telemetry:remove"],
    ],
  },
  {
    kind: "works",
    about: "dynos that `tailrace up` runs, and their releases",
    commands: [
      ...["ps", "ps:restart", "ps:scale", "ps:stop", "ps:type", "ps:wait", "run:detached"],
      ...["releases", "releases:info", "releases:output"],
      ...["maintenance", "maintenance:off", "buildpacks"],
    ],
  },
  {
    kind: "works",
    about: "config vars",
    commands: ["config", "config:get", "config:set", "config:unset", "config:edit"],
  },
  {
    kind: "works",
    about: "add-ons of services that the operator has a manifest of",
    commands: [
      ...["addons", "addons:create", "addons:info", "addons:plans", "addons:services", "addons:upgrade"],
      ...["addons:open", "addons:wait", "addons:destroy"],
    ],
  },
  {
    kind: "no meaning",
    about: "a terminal in a dyno: `run:detached`, or `tailrace run` for a command of this terminal",
    commands: ["run", "run:inside", "console", "rake", "ps:exec", "ps:copy", "ps:forward", "ps:socks"],
  },
  {
    kind: "no meaning",
    about: "domains and certificates: a proxy in front of `tailrace up` has them",
    commands: ["domains:*", "certs:*"],
  },
  {
    kind: "no meaning",
    about: "teams, spaces, collaborators: keys say who may see which apps",
    commands: [
      ...["teams", "orgs:*", "members:*", "spaces:*", "access:add", "access:remove"],
      ...["apps:join", "apps:leave", "apps:lock", "apps:unlock", "apps:transfer"],
    ],
  },
  {
    kind: "no meaning",
    about: "pipelines, review apps and CI: each app stands for itself",
    commands: ["pipelines:*", "reviewapps:*", "ci:*"],
  },
  {
    kind: "no meaning",
    about: "what `tailrace up` does in the app's folder: stacks, regions, buildpacks, an older release",
    commands: ["apps:stacks:*", "buildpacks:clear", "regions", "releases:rollback"],
  },
  {
    kind: "no meaning",
    about: "webhooks: a drain tells all that is in the log",
    commands: ["webhooks:*"],
  },
  {
    kind: "no meaning",
    about: "an app's name and maintenance mode: `ps:scale web=0` takes it offline",
    commands: ["apps:rename", "maintenance:on"],
  },
  {
    kind: "no meaning",
    about: "an add-on at several apps, or by another name",
    commands: ["addons:attach", "addons:detach", "addons:rename"],
  },
  {
    kind: "no meaning",
    about: "features, OAuth clients and sessions, SSH keys, use to be paid for",
    commands: [
      "features:*",
      "labs:*",
      "clients:*",
      "sessions:*",
      "keys:*",
      "usage:*",
      "authorizations:rotate",
    ],
  },
  {
    kind: "none here",
    about:
      "what an app here has none of: an owner in a team, a web address, slugs, a release phase, a pipeline.",
    commands: [
      ...["access:update", "apps:open", "apps:diff", "releases:retry", "pipelines:diff", "auth:2fa:disable"],
    ],
  },
  {
    kind: "none here",
    about: "Heroku's own data stores: an app has none of them",
    commands: ["pg:*", "redis:*", "data:*"],
  },
  {
    kind: "this machine",
    about: "what the command does on your machine alone",
    commands: [
      ...[
        "accounts:*",
        "auth:login",
        "auth:logout",
        "autocomplete:*",
        "git:*",
        "local:*",
        "repl",
        "mcp:start",
      ],
      ...["ci:migrate-manifest", "certs:generate", "container:*", "addons:docs", "data:pg:docs"],
    ],
  },
  {
    kind: "another host",
    about: "another host of Heroku's is asked, whatever HEROKU_HOST says",
    commands: [
      ...["status", "dashboard", "notifications", "apps:errors", "apps:favorites:*", "pipelines:connect"],
      ...["pipelines:setup", "ps:autoscale:*", "buildpacks:add", "buildpacks:info", "buildpacks:remove"],
      ...[
        "buildpacks:search",
        "buildpacks:set",
        "buildpacks:versions",
        "data:maintenances",
        "data:pg:create",
      ],
      ...["data:pg:destroy", "data:pg:levels", "data:pg:migrate", "pg:backups", "pg:backups:cancel"],
      ...["pg:backups:delete", "pg:backups:download", "pg:backups:info", "pg:backups:url"],
    ],
  },
];

/** The commands of the manifest, and the one row of each. */
export function rowsByCommand(): ReadonlyMap<string, CommandRow | undefined> {
  const named = new Map(commandRows.flatMap((row) => row.commands.map((name) => [name, row] as const)));
  const topicOf = (command: string): CommandRow | undefined => {
    for (let at = command; ; at = at.slice(0, at.lastIndexOf(":"))) {
      const row = named.get(`${at}:*`);
      if (row !== undefined || !at.includes(":")) return row;
    }
  };
  return new Map(Object.keys(manifest().commands).map((id) => [id, named.get(id) ?? topicOf(id)]));
}

function manifest(): Manifest {
  const path = new URL("../heroku/node_modules/heroku/oclif.manifest.json", import.meta.url);
  return JSON.parse(readFileSync(path, "utf8"));
}

/** A call of a command with all that it requires; `words` take the place of what would be made up. */
export function callOf(id: string, words: readonly string[] | undefined): string[] {
  const { flags, args } = manifest().commands[id]!;
  if (words !== undefined)
    return [id, ...words, ...(flags.app && !words.includes("-A") ? ["--app", "shop"] : [])];
  const needed = Object.values(flags).filter(({ required }) => required);
  const given = needed.flatMap(({ name, options }) => [`--${name}`, wordFor(name, options)]);
  const app = flags.app && !flags.app.required ? ["--app", "shop"] : [];
  const confirm = flags.confirm ? ["--confirm", "shop"] : [];
  const places = Object.values(args).filter(({ required }) => required);
  return [id, ...given, ...app, ...confirm, ...places.map(({ name, options }) => wordFor(name, options))];
}

const wordFor = (name: string, options: readonly string[] | undefined): string =>
  options?.[0] ?? values[name] ?? "x";

const values: Readonly<Record<string, string>> = {
  app: "shop",
  url: "https://example.com/",
  endpoint: "https://example.com",
  email: "a@example.com",
  hostname: "www.example.com",
  redirect_uri: "https://example.com/",
  "service:plan": "papertrail:x",
  port: "8080",
};
