/** Reads the environment: where the server is, and the key for it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, wrongUse } from "./errors.ts";

/** Variables as `process.env` holds them. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A key, if there is one, and where it came from in words. */
export type KeyFinding = {
  readonly key: string | undefined;
  readonly origin: string;
  /** True when it was looked for in the file of a `--data` folder, which is not there. */
  readonly isFileMissing?: boolean;
};

/** The server's address: TAILRACE_URL, or the address that `serve` listens on by itself. */
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

/** TAILRACE_API_KEY, else the file that `serve` made, when the server is on this machine. */
export function findKey(variables: Variables, url: URL): KeyFinding {
  if (variables.TAILRACE_API_KEY)
    return { key: variables.TAILRACE_API_KEY.trim(), origin: "from TAILRACE_API_KEY" };
  if (!isLoopback(url.hostname))
    return { key: undefined, origin: "none was sent: TAILRACE_API_KEY is not set" };
  const path = join(variables.TAILRACE_DATA || "./data", "api-key");
  try {
    return { key: readFileSync(path, "utf8").trim(), origin: `from ${path}` };
  } catch (error) {
    const isFileMissing = codeOf(error) === "ENOENT";
    const why = isFileMissing ? "does not exist" : `cannot be read (${codeOf(error)})`;
    const origin = `none was sent: TAILRACE_API_KEY is not set and ${path} ${why}`;
    return { key: undefined, origin, isFileMissing };
  }
}

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "[::1]" ||
  /^127(\.[0-9]{1,3}){3}$/.test(hostname);
