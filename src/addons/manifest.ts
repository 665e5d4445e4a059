/**
 * Add-on manifests in the form of Heroku's partners: `addon-manifest.json`, each in the folder of `--addons` or one
 * below.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { addonsUnreadable, addonsUnusable } from "../errors/addons.ts";
import { readWhole } from "../files/whole-file.ts";

export type Manifest = {
  /** The service, which is also the user name at its provider. */
  readonly id: string;
  readonly name: string;
  readonly password: string;
  /** The provider's resources, without a trailing slash. */
  readonly baseUrl: string;
  /** The secret of the OAuth client: `api.client_secret`, or else the password. */
  readonly clientSecret: string;
  /** The dashboard to sign on to, and the salt of its tokens. */
  readonly ssoUrl: string | undefined;
  readonly ssoSalt: string | undefined;
  readonly configVars: readonly string[];
  readonly requires: readonly ("syslog_drain" | "log_input")[];
  /** Further requirements, which are not met here. */
  readonly unknownRequires: readonly string[];
};

const idForm = /^[a-z0-9][a-z0-9-]{0,40}$/;
const varForm = /^[A-Z][A-Z0-9_]{0,100}$/;

/** All manifests of a folder, by service; throws if one cannot be used. */
export function readManifests(folder: string | undefined): ReadonlyMap<string, Manifest> {
  const found = new Map<string, Manifest>();
  for (const path of folder === undefined ? [] : manifestPaths(folder)) {
    const manifest = manifestIn(path);
    if (found.has(manifest.id)) throw addonsUnusable(path, `another manifest is of ${manifest.id}, too`);
    found.set(manifest.id, manifest);
  }
  return found;
}

function manifestPaths(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    return entries.flatMap((entry) => {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) return entry.name.endsWith(".json") ? [path] : [];
      const inside = join(path, "addon-manifest.json");
      return existsSync(inside) ? [inside] : [];
    });
  } catch (error) {
    throw unreadable(folder, error);
  }
}

function manifestIn(path: string): Manifest {
  const given = objectIn(path);
  const { api = {} } = given;
  const { password, config_vars: vars = [], requires = [], production, test } = api;
  const place = (production ?? test) as { base_url?: unknown; sso_url?: unknown } | string | undefined;
  const baseUrl = typeof place === "string" ? place : place?.base_url;
  const ssoUrl = typeof place === "object" ? place?.sso_url : undefined;
  const { sso_salt: ssoSalt, client_secret: clientSecret = password } = api;
  const check = (isRight: boolean, reason: string) => {
    if (!isRight) throw addonsUnusable(path, reason);
  };
  check(
    typeof given.id === "string" && idForm.test(given.id),
    "`id` has to be of a-z, 0-9 and -, 41 characters at most",
  );
  check(typeof password === "string" && password !== "", "`api.password` is missing");
  check(typeof baseUrl === "string" && isHttp(baseUrl), "`api.production.base_url` is no http address");
  check(
    ssoUrl === undefined || (typeof ssoUrl === "string" && isHttp(ssoUrl)),
    "`sso_url` is no http address",
  );
  check(
    ssoSalt === undefined || (typeof ssoSalt === "string" && ssoSalt !== ""),
    "`api.sso_salt` is no text",
  );
  check(typeof clientSecret === "string" && clientSecret !== "", "`api.client_secret` is no text");
  check(
    isListOf(vars, (name) => varForm.test(name)),
    "`api.config_vars` has to be a list of names of A-Z, 0-9 and _",
  );
  check(
    isListOf(requires, () => true),
    "`api.requires` is no list",
  );
  return {
    id: given.id as string,
    name: typeof given.name === "string" ? given.name : (given.id as string),
    password: password as string,
    clientSecret: clientSecret as string,
    ssoUrl: ssoUrl as string | undefined,
    ssoSalt: ssoSalt as string | undefined,
    baseUrl: (baseUrl as string).replace(/\/+$/, ""),
    configVars: vars as string[],
    requires: (requires as string[]).filter(isKnownNeed),
    unknownRequires: (requires as string[]).filter((one) => !isKnownNeed(one)),
  };
}

function objectIn(path: string): { id?: unknown; name?: unknown; api?: Record<string, unknown> } {
  let text: string;
  try {
    text = readWhole(path).toString();
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    return Object(JSON.parse(text));
  } catch {
    throw addonsUnusable(path, "it is no JSON"); // the parser's words may repeat the password
  }
}

const unreadable = (path: string, error: unknown) =>
  addonsUnreadable(path, String((error as NodeJS.ErrnoException).code));

const isKnownNeed = (need: string): need is Manifest["requires"][number] =>
  need === "syslog_drain" || need === "log_input";

const isHttp = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

const isListOf = (value: unknown, isRight: (text: string) => boolean): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === "string" && isRight(one));
