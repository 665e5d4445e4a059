/** Things that a command is given by name, and the command that lists those that there are. */
import { Argument } from "commander";

/** `[-a APP]` is left out where no app is named: all are listed then. */
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

/** An argument that names one of the things that a command lists. */
export class ListedArgument extends Argument {
  readonly kind: ListedKind;

  constructor(kind: ListedKind, name: string, description: string) {
    super(name, description);
    this.kind = kind;
  }
}

/** The command that lists the things of this kind, of `app` when it is known. */
export function listOf(kind: ListedKind, app: string | undefined): string {
  const list = lists[kind].replace(/ \[(.*)\]$/, (_, option) => (app ? ` ${option}` : ""));
  return `tailrace ${list.replace("APP", app || "APP")}`;
}
