import { type Command, InvalidArgumentError } from "commander";
import { readDuration } from "../../src/core/time/durations.ts";
import type { Authorization, KeyBody } from "../api/api-types.ts";
import { type Context, collect, jsonOption } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { ListedArgument } from "../listed.ts";

type Wanted = {
  readonly app?: string[];
  readonly allApps?: true;
  readonly readOnly?: true;
  readonly manage?: true;
  readonly description?: string;
  readonly expires?: number | "never";
  readonly json?: true;
};

/** `keys`, `keys:create`, `keys:update`, `keys:revoke`. */
export function registerKeys(program: Command, { api, output }: Context): void {
  program
    .command("keys")
    .description("list the API keys; the secrets themselves are never shown again")
    .addOption(jsonOption())
    .action(async ({ json }: { json?: true }) => {
      const keys = await api().keys();
      if (json) return output.json(keys);
      if (keys.length === 0) return output.note('There are no API keys. "tailrace keys:create" makes one.');
      const rows = keys.map((key) => [
        key.id,
        right(key),
        appsOf(key),
        key.created_at,
        expiryOf(key),
        key.description,
      ]);
      await output.table(["ID", "RIGHT", "APPS", "CREATED", "EXPIRES IN", "DESCRIPTION"], rows);
    });

  program
    .command("keys:create")
    .description("make an API key; it is shown once")
    .option("-a, --app <app>", "limit the key to this app (may be repeated)", collect)
    .option("--read-only", "the key may read logs, not change anything")
    .option("--description <text>", "what the key is for")
    .option("--expires <time>", "how long it is valid, as 30d or 12h (else forever)", life)
    .addOption(jsonOption())
    .action(async (options: Wanted) => {
      const key = await api().createKey({ read_only: false, ...bodyOf(options) });
      if (options.json) return output.json(key);
      await output.print(key.access_token?.token ?? "");
      output.note(`This is the only time that the key is shown. Its id is ${key.id}.`);
      const [apps, life] = [
        key.apps ? appsOf(key) : "all apps",
        expiryOf(key) === "never" ? ", for ever" : "",
      ];
      output.note(`It may ${right(key)} ${apps}${life}; "tailrace keys:update ${key.id}" changes that.`);
      output.note(`Use it as TAILRACE_API_KEY; "tailrace keys:revoke ${key.id}" ends it.`);
    });

  program
    .command("keys:update")
    .description("change what an API key may do; it takes effect at once, even for open streams")
    .addArgument(new ListedArgument("key", "<id>", "the key's id"))
    .option("-a, --app <app>", "limit the key to this app (may be repeated)", collect)
    .option("--all-apps", "the key is for all apps")
    .option("--read-only", "the key may read logs, not change anything")
    .option("--manage", "the key may change things too")
    .option("--description <text>", "what the key is for")
    .option("--expires <time>", "how long it is valid from now, as 30d or 12h; never: forever", lifeOrNever)
    .addOption(jsonOption())
    .action(async (id: string, options: Wanted) => {
      const body = bodyOf(options);
      if (Object.keys(body).length === 0)
        throw wrongUse("Nothing is to be changed.", "Say what: --app, --read-only, --expires …");
      const key = await api().updateKey(id, body);
      await (options.json
        ? output.json(key)
        : output.print(`Key ${id}: ${right(key)}, apps: ${appsOf(key)}, expires: ${expiryOf(key)}`));
    });

  program
    .command("keys:revoke")
    .description("revoke an API key at once, with its open streams and log sessions")
    .addArgument(new ListedArgument("key", "<id>", "the key's id"))
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: true }) => {
      const key = await api().revokeKey(id);
      await (json ? output.json(key ?? { id }) : output.print(`Revoked key ${id}`));
    });
}

function bodyOf({ app, allApps, readOnly, manage, description, expires }: Wanted): KeyBody {
  if (app !== undefined && allApps) throw wrongUse("--app and --all-apps say different things.", "Give one.");
  if (readOnly && manage) throw wrongUse("--read-only and --manage say different things.", "Give one.");
  return {
    ...(description !== undefined && { description }),
    ...(app !== undefined && { apps: app }),
    ...(allApps && { apps: null }),
    ...((readOnly || manage) && { read_only: readOnly === true }),
    ...(expires !== undefined && { expires_in: expires === "never" ? null : expires }),
  };
}

/** In seconds. */
function life(text: string): number {
  const lifeMs = readDuration(text);
  if (lifeMs === undefined || lifeMs < 1000)
    throw new InvalidArgumentError("Write a time as 30d, 12h or 1h30m.");
  return Math.floor(lifeMs / 1000);
}

const lifeOrNever = (text: string): number | "never" => (text === "never" ? text : life(text));

const right = (key: Authorization): string => (key.read_only ? "read" : "manage");

function appsOf({ apps }: Authorization): string {
  if (!apps) return "all";
  return apps.map((app) => (typeof app === "string" ? app : app.name)).join(",") || "none";
}

/** In its largest unit, rounded down. */
function expiryOf({ access_token: key }: Authorization): string {
  const seconds = key?.expires_in;
  if (seconds === undefined || seconds === null) return "never";
  const [size, unit] = units.find(([size]) => seconds >= size) ?? [1, "s"];
  return `${Math.floor(seconds / size)}${unit}`;
}

const units: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "m"],
];
