import type { Command } from "commander";
import type { Authorization } from "../api.ts";
import { type Context, collect, jsonOption } from "../context.ts";

/** `keys`, `keys:create`, `keys:revoke`. */
export function registerKeys(program: Command, { api, output }: Context): void {
  program
    .command("keys")
    .description("list the API keys; the keys themselves are never shown again")
    .addOption(jsonOption())
    .action(async ({ json }: { json?: true }) => {
      const keys = await api().keys();
      if (json) return output.json(keys);
      if (keys.length === 0) return output.note('There are no API keys. "tailrace keys:create" makes one.');
      const rows = keys.map((key) => [key.id, right(key), appsOf(key), key.created_at, key.description]);
      await output.table(["ID", "RIGHT", "APPS", "CREATED", "DESCRIPTION"], rows);
    });

  program
    .command("keys:create")
    .description("make an API key; it is shown once")
    .option("--app <app>", "limit the key to this app (may be repeated)", collect)
    .option("--read-only", "the key may read logs, not change anything")
    .option("--description <text>", "what the key is for")
    .addOption(jsonOption())
    .action(async (options: { app?: string[]; readOnly?: true; description?: string; json?: true }) => {
      const key = await api().createKey({
        ...(options.description !== undefined && { description: options.description }),
        ...(options.app !== undefined && { apps: options.app }),
        read_only: options.readOnly === true,
      });
      if (options.json) return output.json(key);
      await output.print(key.access_token?.token ?? "");
      output.note(`This is the only time that the key is shown. Its id is ${key.id}.`);
      output.note(`Use it as TAILRACE_API_KEY; "tailrace keys:revoke ${key.id}" ends it.`);
    });

  program
    .command("keys:revoke")
    .description("end an API key at once")
    .argument("<id>", 'the id that "tailrace keys" shows')
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: true }) => {
      const key = await api().revokeKey(id);
      await (json ? output.json(key ?? { id }) : output.print(`Revoked key ${id}`));
    });
}

const right = (key: Authorization): string => (key.read_only ? "read" : "manage");

function appsOf({ apps }: Authorization): string {
  if (!apps) return "all";
  return apps.map((app) => (typeof app === "string" ? app : app.name)).join(",") || "none";
}
