/** The context of every command, and parsers of common options. */
import { InvalidArgumentError, Option } from "commander";
import type { Api } from "./api/api.ts";
import type { Variables } from "./environment.ts";
import type { Output } from "./output.ts";

export type Context = {
  /** The client, made when first used, so that a wrong TAILRACE_URL affects only commands that need it. */
  readonly api: () => Api;
  readonly output: Output;
  readonly variables: Variables;
};

/** Collects the values of an option that may be repeated. */
export const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

/** An option that must not be repeated, so that none of two values is silently ignored. It has no default. */
export function single(value: string, before: string | undefined): string {
  if (before !== undefined) throw new InvalidArgumentError(`It was "${before}" before: give it once.`);
  return value;
}

/** A number of things or seconds. */
export function wholeNumber(text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text))
    throw new InvalidArgumentError("Write a whole number from 1 to 999999.");
  return Number(text);
}

/** `--json`, for programs. */
export const jsonOption = (): Option => new Option("--json", "print JSON for programs");
