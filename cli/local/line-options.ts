/** Options of `run` and `ship` about lines. */
import { Option } from "commander";

export const joinOption = (): Option =>
  new Option("--join", "indented lines and stack traces are one message with the line before them");

export const levelOption = (): Option =>
  new Option(
    "--level-from-json",
    "a level that a line of JSON or logfmt names is its severity (default)",
  ).default(true);

export const noLevelOption = (): Option =>
  new Option("--no-level-from-json", "severities are those of the streams alone");
