/** Kinds of things that commands take by name, and the command that lists each kind. */
import { Argument } from "commander";

/** `[-a APP]` is left out if no app is named: then all are listed. */
const lists = {
  addon: "addons [-a APP]",
  app: "apps",
  "config var": "config -a APP",
  drain: "drains [-a APP]",
  dyno: "ps -a APP",
  key: "keys",
  service: "addons:services",
  token: "tokens -a APP",
} as const;
type ListedKind = keyof typeof lists;

/** An argument that names a thing that a command lists. */
export class ListedArgument extends Argument {
  readonly kind: ListedKind;

  constructor(kind: ListedKind, name: string, description: string) {
    super(name, description);
    this.kind = kind;
  }
}

/** The command that lists the things of this kind; for `app`, if it is known. */
export function listOf(kind: ListedKind, app: string | undefined): string {
  const list = lists[kind].replace(/ \[(.*)\]$/, (_, option) => (app ? ` ${option}` : ""));
  return `tailrace ${list.replace("APP", app || "APP")}`;
}
