/** The context of every command, and parsers of common options. */
import { InvalidArgumentError, Option } from "commander";
import type { Api } from "./api/api.ts";
import type { Variables } from "./environment.ts";
import type { Output } from "./output.ts";

export type Context = {
  /** The client, made at the first use: a wrong TAILRACE_URL troubles only the commands that need it. */
  readonly api: () => Api;
  readonly output: Output;
  readonly variables: Variables;
};

/** Collects an option that may be given several times. */
export const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

/** An option that may be given once: of two that are given, neither is left out silently. It has no default. */
export function single(value: string, before: string | undefined): string {
  if (before !== undefined) throw new InvalidArgumentError(`It was "${before}" before: give it once.`);
  return value;
}

/** A number of things or of seconds. */
export function wholeNumber(text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text))
    throw new InvalidArgumentError("Write a whole number from 1 to 999999.");
  return Number(text);
}

/** `--json`, for programs. */
export const jsonOption = (): Option => new Option("--json", "print JSON for programs");
