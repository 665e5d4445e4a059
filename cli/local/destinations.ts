/** Destinations of `ship` and `run`, and the form of the names in their lines. */
import type { Api } from "../api/api.ts";
import type { IngestToken } from "../api/api-types.ts";
import { wrongUse } from "../errors.ts";

/** An address that takes lines, and the right to write there. */
export type Endpoint = {
  /** `…/logs`, without user and password. */
  readonly url: URL;
  readonly authorization: string;
  /** Whoever named it, and so can mend it. */
  readonly namedBy: "LOGS_URL" | "the server";
};

/** A destination of lines. A parcel holds lines of one destination. */
export type Destination = {
  /** APPNAME of the frames; the server puts the token's name in its place. */
  readonly appname: string;
  /** Asks the server the first time, and again after it could not be asked; throws a `CliError`. */
  readonly endpoint: () => Promise<Endpoint>;
  /** The server to name to the person: the one that takes the lines, or is asked for the address. */
  readonly host: () => string;
};

/** The app's tokens of the sources, in their order; the first use of a source makes it. */
export function appDestinations(api: Api, app: string, sources: readonly string[]): readonly Destination[] {
  for (const source of sources) checkName("--source", source);
  let asked: Promise<ReadonlyMap<string, Endpoint>> | undefined;
  let host = api.url.host;
  const ask = async () => {
    try {
      asked ??= api.tokensFor(app, [...new Set(sources)]).then((tokens) => endpointsOf(api, tokens));
      return await asked;
    } catch (error) {
      asked = undefined;
      throw error;
    }
  };
  return sources.map((appname) => ({
    appname,
    host: () => host,
    endpoint: async () => {
      const endpoint = (await ask()).get(appname)!;
      host = endpoint.url.host;
      return endpoint;
    },
  }));
}

/** An address with the token in it, as log-shuttle takes it from LOGS_URL. */
export function urlDestination(text: string): Destination {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const example = 'It looks like http://token:t.…@HOST/logs; "tailrace tokens -a APP" lists them.';
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw wrongUse("LOGS_URL is no http address.", example);
  if (url.password === "") throw wrongUse("LOGS_URL holds no token.", example);
  const endpoint: Endpoint = { ...withoutCredentials(url), namedBy: "LOGS_URL" };
  if (endpoint.url.pathname === "/") endpoint.url.pathname = "/logs";
  const { host } = endpoint.url;
  // Logplex replaces the token by its source, so the token stands in APPNAME.
  const appname = url.password.startsWith("t.") ? url.password : "token";
  return { appname, host: () => host, endpoint: async () => endpoint };
}

/** A word of a syslog header: 1 to 128 printable ASCII characters without blanks. */
export function checkName(option: string, name: string): string {
  if (/^[\x21-\x7e]{1,128}$/.test(name)) return name;
  throw wrongUse(
    `${option} "${name}" cannot be a name in a log line.`,
    "Use letters, digits, dots and dashes.",
  );
}

const endpointsOf = (api: Api, tokens: readonly IngestToken[]): ReadonlyMap<string, Endpoint> =>
  new Map(
    tokens.map((token) => [
      token.name,
      { ...withoutCredentials(new URL(api.sendingUrl(token))), namedBy: "the server" },
    ]),
  );

function withoutCredentials(from: URL): Omit<Endpoint, "namedBy"> {
  const credentials = `${decoded(from.username)}:${decoded(from.password)}`;
  const url = new URL(from);
  url.username = "";
  url.password = "";
  return { url, authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
}

/** A `%` that encodes nothing stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
