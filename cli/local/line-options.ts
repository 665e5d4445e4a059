/** Options of `run` and `ship` about lines. */
import { Option } from "commander";

export const joinOption = (): Option =>
  new Option("--join", "join indented lines and stack traces with the line before them into one message");

export const levelOption = (): Option =>
  new Option("--level-from-json", "use the level in a JSON or logfmt line as its severity").default(true);

export const noLevelOption = (): Option =>
  new Option("--no-level-from-json", "take severities from stdout and stderr only");
