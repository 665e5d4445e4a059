/** The destinations of `ship` and `run`, and the form of names in their lines. */
import type { Api } from "../api/api.ts";
import type { IngestToken } from "../api/api-types.ts";
import { wrongUse } from "../errors.ts";

/** An address that accepts lines, and the right to write there. */
export type Endpoint = {
  /** `…/logs`, without user and password. */
  readonly url: URL;
  readonly authorization: string;
  /** Whoever gave the address, and so can correct it. */
  readonly namedBy: "LOGS_URL" | "the server";
};

/** A destination of lines. All lines of a parcel have the same destination. */
export type Destination = {
  /** The APPNAME in frames; the server replaces it by the token's name. */
  readonly appname: string;
  /** Asks the server at the first call, and again after a failure to ask it; throws a `CliError`. */
  readonly endpoint: () => Promise<Endpoint>;
  /** The server to name to the user: the one that accepts the lines, or that is asked for the address. */
  readonly host: () => string;
};

/** Destinations for the app's tokens of these sources, in order; a new source gets a token when it is first used. */
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

/** An address that contains the token, as log-shuttle accepts it in LOGS_URL. */
export function urlDestination(text: string): Destination {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const example = 'It looks like http://token:t.…@HOST/logs; "tailrace tokens -a APP" lists them.';
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw wrongUse("LOGS_URL is no http address.", example);
  if (url.password === "") throw wrongUse("LOGS_URL holds no token.", example);
  const endpoint: Endpoint = { ...withoutCredentials(url), namedBy: "LOGS_URL" };
  if (endpoint.url.pathname === "/") endpoint.url.pathname = "/logs";
  const { host } = endpoint.url;
  // Logplex replaces a token in APPNAME by its source, so the token goes there.
  const appname = url.password.startsWith("t.") ? url.password : "token";
  return { appname, host: () => host, endpoint: async () => endpoint };
}

/** A word of a syslog header: 1 to 128 printable ASCII characters without spaces. */
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
