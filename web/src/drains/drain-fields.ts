/** What people write into the fields of a drain, as the API takes it. */

/** `Name: value`, one a line. */
export const headersIn = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split("\n")
      .map((line) => /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/.exec(line))
      .filter((found) => found !== null)
      .map(([, name, value]) => [name!, value!]),
  );

/** Names with commas or spaces between them. */
export const dynosIn = (text: string): readonly string[] =>
  text.split(/[\s,]+/).filter((name) => name !== "");
