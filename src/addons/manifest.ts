/**
 * Add-on manifests in the form of Heroku's partners: `addon-manifest.json`, each in the folder of `--addons` or one
 * below.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { addonsUnusable } from "../errors/addons.ts";

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
    throw addonsUnusable(folder, `the folder cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function manifestIn(path: string): Manifest {
  let given: { id?: unknown; name?: unknown; api?: Record<string, unknown> };
  try {
    given = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    throw addonsUnusable(path, "it is no JSON that can be read");
  }
  const { api = {} } = given ?? {};
  const { password, config_vars: vars = [], requires = [], production, test } = api;
  const place = (production ?? test) as { base_url?: unknown; sso_url?: unknown } | string | undefined;
  const baseUrl = typeof place === "string" ? place : place?.base_url;
  const ssoUrl = typeof place === "object" ? place?.sso_url : undefined;
  const { sso_salt: ssoSalt, client_secret: clientSecret = password } = api;
  const check = (isRight: boolean, reason: string) => {
    if (!isRight) throw addonsUnusable(path, reason);
  };
  check(typeof given.id === "string" && idForm.test(given.id), "`id` is no name of a service");
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
    "`api.config_vars` is no list of names",
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
    requires: (requires as string[]).filter(
      (one) => one === "syslog_drain" || one === "log_input",
    ) as Manifest["requires"],
  };
}

const isHttp = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

const isListOf = (value: unknown, isRight: (text: string) => boolean): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === "string" && isRight(one));
