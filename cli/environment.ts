/** Reads the environment: the server's address, and the key for it. */
import { dirname, join } from "node:path";
import { codeOf, outOfFiles, wrongUse } from "./errors.ts";
import { readGiven } from "./given-file.ts";

/** Variables in the form of `process.env`. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A key, if there is one, and a description of where it came from. */
export type KeyFinding = {
  readonly key: string | undefined;
  readonly origin: string;
  /** True if the key was expected in the file of a `--data` folder that does not exist. */
  readonly isFileMissing?: boolean;
};

/** The server's address: TAILRACE_URL, or the default address of `serve`. */
export function serverUrl(variables: Variables): URL {
  const text = variables.TAILRACE_URL || "http://127.0.0.1:8601";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw wrongUse(
      `TAILRACE_URL is "${text}", which is no http address.`,
      "Write it as http://127.0.0.1:8601.",
    );
  if (url.username !== "" || url.password !== "")
    throw wrongUse("TAILRACE_URL holds a user or a password.", "Put the key into TAILRACE_API_KEY alone.");
  url.pathname = url.pathname.replace(/\/+$/, "");
  url.search = "";
  url.hash = "";
  return url;
}

/** The key for a server, and where it came from. Throws for what cannot be sent as one. */
export function findKey(variables: Variables, url: URL, folder: string = process.cwd()): KeyFinding {
  const found = lookForKey(variables, url, folder);
  if (found.key === undefined || /^[\x20-\x7e]*$/.test(found.key)) return found;
  throw wrongUse(
    `The key ${found.origin} has characters that no key has.`,
    "Copy it anew, as the server made it.",
  );
}

/**
 * TAILRACE_API_KEY, or else the file that `serve` made, if the server is on this machine: in TAILRACE_DATA, or else
 * `data/api-key` in `folder` or its nearest ancestor that has one.
 */
function lookForKey(variables: Variables, url: URL, folder: string): KeyFinding {
  if (variables.TAILRACE_API_KEY)
    return { key: variables.TAILRACE_API_KEY.trim(), origin: "from TAILRACE_API_KEY" };
  if (!isLoopback(url.hostname))
    return { key: undefined, origin: "none was sent: TAILRACE_API_KEY is not set" };
  const { TAILRACE_DATA: data } = variables;
  const paths = data ? [join(data, "api-key")] : [...usualPaths(folder)];
  for (const path of paths) {
    try {
      return { key: readGiven(path).toString().trim(), origin: `from ${path}` };
    } catch (error) {
      const code = codeOf(error);
      if (code === "ENOENT" || code === "ENOTDIR") continue;
      if (code === "EMFILE" || code === "ENFILE") throw outOfFiles(path, code);
      const origin = `none was sent: TAILRACE_API_KEY is not set and ${path} cannot be read (${code})`;
      return { key: undefined, origin };
    }
  }
  const where = data ? `${paths[0]} does not exist` : "data/api-key does not exist here or in a folder above";
  const origin = `none was sent: TAILRACE_API_KEY is not set and ${where}`;
  return { key: undefined, origin, isFileMissing: true };
}

/** `data/api-key` in a folder and all its ancestors, nearest first. */
function* usualPaths(folder: string): Generator<string> {
  yield join(folder, "data", "api-key");
  const above = dirname(folder);
  if (above !== folder) yield* usualPaths(above);
}

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "[::1]" ||
  /^127(\.[0-9]{1,3}){3}$/.test(hostname);
