/** The key for Heroku's API: HEROKU_API_KEY, or else the password that `heroku login` stored in the netrc. */
import { homedir } from "node:os";
import { join } from "node:path";
import type { Variables } from "../environment.ts";
import { CliError, codeOf, wrongUse } from "../errors.ts";
import { readGiven } from "../given-file.ts";

/** A key, and a description of where it came from. */
export type HerokuKey = { readonly key: string; readonly origin: string };

/** The address of an API that may get a key: over TLS, or on this machine. */
export function herokuUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw wrongUse(`--api is "${text}", which is no http address.`, "Write it as https://api.heroku.com.");
  if (url.protocol === "http:" && !/^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/.test(url.hostname))
    throw wrongUse(`--api is "${text}": the key would go over the network as it is.`, "Use https://.");
  if (url.username !== "" || url.password !== "")
    throw wrongUse("--api holds a user or a password.", "Put the key into HEROKU_API_KEY alone.");
  url.pathname = url.pathname.replace(/\/+$/, "");
  return url;
}

export function herokuKey(variables: Variables, url: URL): HerokuKey {
  const given = variables.HEROKU_API_KEY?.trim();
  if (given?.startsWith("trk_") || (given && given === variables.TAILRACE_API_KEY?.trim()))
    throw wrongUse(
      `HEROKU_API_KEY is a key of tailrace: it would go to ${url.host}.`,
      "Unset it, and HEROKU_HOST, where they point Heroku's tools at this server; Heroku's own key is asked for here.",
    );
  if (given) return { key: given, origin: "from HEROKU_API_KEY" };
  const path = netrcPath(variables);
  let text: string;
  try {
    text = readGiven(path).toString();
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "does not exist" : `cannot be read (${codeOf(error)})`;
    throw noKey(`${path} ${why}`);
  }
  const key = passwordIn(text, url.hostname);
  if (key === undefined) throw noKey(`${path} names no password for ${url.hostname}`);
  return { key, origin: `from ${path}` };
}

const noKey = (why: string) =>
  new CliError(
    `There is no key for Heroku: HEROKU_API_KEY is not set, and ${why}.`,
    "Make one that may read alone: `heroku authorizations:create -s read-protected`, and set HEROKU_API_KEY to its token.",
  );

/** The place where curl and Heroku's own command line look. */
const netrcPath = ({ NETRC, HOME }: Variables): string => NETRC || join(HOME || homedir(), ".netrc");

/**
 * The password for a machine: words in any order over any number of lines; `default` applies to every machine that is
 * not named.
 */
export function passwordIn(netrc: string, machine: string): string | undefined {
  let isWanted = false;
  let key: string | undefined;
  const words = [...netrc.replace(/^\s*#.*$/gm, "").matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g)].map(
    ([word, quoted]) => quoted?.replace(/\\(.)/g, "$1") ?? word,
  );
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (word === "machine") isWanted = words[++at] === machine;
    else if (word === "default") isWanted = true;
    else if (word === "password" && isWanted) key ??= words[++at];
    else if (["login", "account", "password", "macdef"].includes(word!)) at++;
  }
  return key;
}
