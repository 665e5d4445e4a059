/** Where `ship` and `run` send lines, and the form of the names they put into them. */
import type { Api } from "../api.ts";
import { wrongUse } from "../errors.ts";
import type { Destination } from "./parcel.ts";

/** The app's token of that source; the first use of a source makes it. */
export async function appDestination(api: Api, app: string, source: string): Promise<Destination> {
  const { token } = await api.tokenFor(app, checkName("--source", source));
  return { url: api.logsUrl, authorization: basic("token", token), appname: source };
}

/** An address with the token in it, as log-shuttle takes it from LOGS_URL. */
export function urlDestination(text: string): Destination {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const example = 'It looks like http://token:t.…@HOST/logs; "tailrace tokens -a APP" lists them.';
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw wrongUse("LOGS_URL is no http address.", example);
  if (url.password === "") throw wrongUse("LOGS_URL holds no token.", example);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = "";
  url.password = "";
  if (url.pathname === "/") url.pathname = "/logs";
  // Logplex itself puts the source in the place of the token, so the token is what stands there.
  return {
    url,
    authorization: basic(user, password),
    appname: password.startsWith("t.") ? password : "token",
  };
}

/** A word of a syslog header: 1 to 128 printable ASCII characters without blanks. */
export function checkName(option: string, name: string): string {
  if (/^[\x21-\x7e]{1,128}$/.test(name)) return name;
  throw wrongUse(
    `${option} "${name}" cannot be a name in a log line.`,
    "Use letters, digits, dots and dashes.",
  );
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
