/** Converts the form fields of a drain for the API. */

/** `Name: value`, one per line. */
export const headersIn = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split("\n")
      .map((line) => /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/.exec(line))
      .filter((found) => found !== null)
      .map(([, name, value]) => [name!, value!]),
  );

/** Names separated by commas or spaces. */
export const dynosIn = (text: string): readonly string[] =>
  text.split(/[\s,]+/).filter((name) => name !== "");
