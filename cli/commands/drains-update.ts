/** `drains:update` changes a drain in place; it continues with the lines that wait. */
import type { Command } from "commander";
import { allDrainFields } from "../../src/core/records/drain-fields.ts";
import type { Api } from "../api/api.ts";
import type { Drain, DrainChangesBody } from "../api/api-types.ts";
import { type Context, collect } from "../context.ts";
import { printFinding } from "../drain-words.ts";
import { wrongUse } from "../errors.ts";
import {
  addDrainOptions,
  type DrainOptions,
  drainOptionsBody,
  flaggedFields,
  partsGiven,
} from "./drain-options.ts";
import { ownerOf } from "./drain-owner.ts";

type UpdateOptions = DrainOptions & {
  app?: string;
  json?: true;
  url?: string;
  secret?: string;
  unset?: string[];
  dropPreviousSecret?: true;
};

/** The field, or part of one, that `--unset` removes, by the option that sets it. */
const unsettable: ReadonlyMap<string, readonly [field: string, part?: string]> = new Map(
  flaggedFields.map(({ field, part, flag }) => [flag.name, part ? [field.name, part.name] : [field.name]]),
);

/** A change of only these does not concern the destination. */
const untested = ["filter", "redact"];

/** `command` names the drain. */
export function registerDrainsUpdate(command: Command, { api, output }: Context): void {
  addDrainOptions(command.option("--url <url>", "send to this URL from now on"))
    .option("--secret <text>", "sign with this secret and, for now, with the previous one too")
    .option("--drop-previous-secret", "sign with the newest secret alone: receivers have changed over")
    .option("--unset <option>", "remove this option, as in --unset ca (may be repeated)", collect)
    .addHelpText(
      "after",
      "\nA test line tells whether the destination takes lines now. Options that are not given stay as they are, and so does each part of a filter or redaction. --header replaces all headers.",
    )
    .action(async (key: string, options: UpdateOptions) => {
      const app = await ownerOf(api(), options.app, key);
      const { secret, unset = [], dropPreviousSecret: drops } = options;
      if (secret !== undefined && (drops || unset.includes("secret")))
        throw wrongUse("Two changes of the secret at once.", "Give one of them, and the other later.");
      const changes = await changesOf(options, () => api().drain(app, key));
      if (Object.keys(changes).length === 0 && secret === undefined)
        throw wrongUse(
          "There is nothing to change.",
          "Give options such as --url URL, --ca FILE or --secret TEXT.",
        );
      const { drain, changed } = await update(api(), app, key, changes, secret);
      const test = changed.every((name) => untested.includes(name))
        ? undefined
        : await api().testDrain(app, drain.id);
      if (options.json) return output.json({ ...drain, ...(test && { test }) });
      await output.print(`Updated drain ${drain.token} of ${app}: ${changed.join(", ")}`);
      if (secret !== undefined)
        output.note(
          `If it had a secret before, it signs with that, too: "tailrace drains:update ${drain.token} --drop-previous-secret -a ${app}" ends that.`,
        );
      if (test !== undefined) await printFinding(output, test, `${drain.token} -a ${app}`);
    });
}

async function update(
  api: Api,
  app: string,
  key: string,
  changes: DrainChangesBody,
  secret: string | undefined,
) {
  const changed = Object.keys(changes).map((name) => name.replace("_", " "));
  let drain: Drain | undefined;
  if (changed.length > 0) drain = await api.updateDrain(app, key, changes);
  if (secret !== undefined) drain = await api.rotateSecret(app, drain?.id ?? key, secret);
  return { drain: drain!, changed: secret === undefined ? changed : [...changed, "secret"] };
}

// The API replaces a filter or a redaction as a whole, so the unchanged parts are copied from the drain.
async function changesOf(options: UpdateOptions, find: () => Promise<Drain>): Promise<DrainChangesBody> {
  const gone = (options.unset ?? []).map(unsetOf);
  const fields = gone.filter(([, part]) => part === undefined).map(([field]) => [field, null] as const);
  const parts = new Map(
    allDrainFields
      .filter(({ kind }) => kind === "parts")
      .map((field) => [field.name as "filter" | "redact", partsGiven(field, options)]),
  );
  const given = Object.entries(drainOptionsBody(options)).filter(([name]) => !parts.has(name as "filter"));
  const touched = [...parts.keys()].filter(
    (field) => Object.keys(parts.get(field)!).length > 0 || gone.some(([one, part]) => one === field && part),
  );
  const before = touched.length > 0 ? await find() : undefined;
  const changed = touched.map((field) => {
    const kept = Object.entries({ ...before?.[field], ...parts.get(field) }).filter(
      ([part]) => !gone.some(([one, name]) => one === field && name === part),
    );
    return [field, kept.length === 0 ? null : Object.fromEntries(kept)] as const;
  });
  return {
    ...(options.url !== undefined && { url: options.url }),
    ...Object.fromEntries([...given, ...fields, ...changed]),
    ...((options.dropPreviousSecret || options.unset?.includes("secret")) && { previous_secret: null }),
  };
}

function unsetOf(option: string): readonly [field: string, part?: string] {
  const found = unsettable.get(option.replace(/^--/, ""));
  if (found !== undefined) return found;
  throw wrongUse(`--unset has no "${option}".`, `It takes away one of ${[...unsettable.keys()].join(", ")}.`);
}
