/**
 * The form of each answer of the API, as far as commands read it without asking: whatever answers at an address may be no
 * tailrace server, or one of another version. What a server of an older version leaves out is optional.
 */
import {
  anything,
  type Check,
  hasFields,
  inWords,
  isEither,
  isFlag,
  isListOf,
  isMapOf,
  isNumber,
  isOneOf,
  isText,
} from "../../src/core/records/record-shape.ts";

const orNull = (check: Check): Check => isEither(isOneOf(null), check);
const isObject = isMapOf(anything);
const isFilled =
  (list: Check): Check =>
  (value) =>
    list(value) ??
    ((value as readonly unknown[]).length === 0 ? { at: "", why: "is an empty list" } : undefined);
const optional = (names: readonly string[], check: Check) =>
  Object.fromEntries(names.map((name) => [name, orNull(check)]));

/** Not there in answers of older servers, but never null. */
const added = (names: readonly string[], check: Check) =>
  Object.fromEntries(names.map((name) => [name, check]));

const named = hasFields({ name: isText });
const token = hasFields({ token: isText, name: isText }, optional(["url", "syslog_tag"], isText));
const fault = hasFields(
  { cause: isText, message: isText, mend: isText, at: isText },
  optional(["first_bytes"], isText),
);
const sender = hasFields(
  { peer: isText, frames: isNumber, seen_at: isText, last_error: orNull(fault) },
  optional(["door", "framing", "node"], isText),
);
const key = hasFields(
  { id: isText },
  {
    ...optional(["description", "created_at"], isText),
    apps: orNull(isListOf(isEither(isText, named))),
    access_token: orNull(
      hasFields({}, { ...optional(["token"], isText), ...optional(["expires_in"], isNumber) }),
    ),
  },
);
const drain = hasFields(
  { token: isText, url: isText },
  {
    ...optional(["id", "state", "next_attempt_at"], isText),
    ...added(["lag_lines", "delivered", "refused", "lost", "filtered"], isNumber),
    ...optional(["headers", "filter", "redact"], isObject),
    addon: orNull(named),
    last_error: orNull(isEither(isText, isObject)),
    last_test: orNull(isObject),
    replay: orNull(hasFields({ lines: isNumber, left: isNumber, sent: isNumber })),
  },
);
const step = hasFields({ name: isText, ms: isNumber, detail: isText });
const test = hasFields({ kind: isText }, { steps: isListOf(step), expiring: orNull(isText) });
const formation = hasFields({ type: isText, quantity: isNumber, size: isText });
const release = hasFields({ version: isNumber });
const dyno = hasFields({
  ...{ name: isText, state: isText, updated_at: isText, size: isText, command: isText },
  release,
});
const wantedType = hasFields({ type: isText, command: isText, quantity: isNumber, size: isText });
const wanted = hasFields({
  revision: isNumber,
  formation: isListOf(wantedType),
  config: isMapOf(isText),
  release: isNumber,
  orders: isListOf(hasFields({ number: isNumber, kind: isText })),
});
const addon = hasFields(
  { id: isText, name: isText, state: isText, app: named, plan: named, config_vars: isListOf(isText) },
  optional(["provision_message", "web_url", "created_at"], isText),
);

/** `*`: any part of a path. A call that is not here answers an object, in which nothing is read. */
const forms: Readonly<Record<string, Check>> = {
  "GET /apps": isListOf(named),
  "POST /apps": named,
  "* /apps/*": named,
  "GET /account": hasFields({ email: isText }),
  "GET /oauth/authorizations": isListOf(key),
  "POST /oauth/authorizations": key,
  "PATCH /oauth/authorizations/*": key,
  "GET /v3/channels/*/tokens": isListOf(token),
  "POST /v3/channels/*/tokens": token,
  "GET /senders": isListOf(sender),
  "GET /apps/*/log-drains": isListOf(drain),
  "POST /apps/*/log-drains": drain,
  "* /apps/*/log-drains/*": drain,
  "POST /apps/*/log-drains/*/actions/rotate": drain,
  "POST /apps/*/log-drains/*/actions/replay": drain,
  "POST /apps/*/log-drains/*/actions/test": test,
  "GET /apps/*/telemetry-drains": isListOf(hasFields({ exporter: isObject })),
  "* /apps/*/formation": isListOf(formation),
  "* /apps/*/config-vars": isMapOf(isText),
  "GET /apps/*/releases": isListOf(release),
  "POST /apps/*/releases": release,
  "GET /apps/*/dynos": isListOf(dyno),
  "GET /apps/*/runner": isListOf(hasFields({ id: isText, host: isText, pid: isNumber })),
  "GET /apps/*/runner/wanted": wanted,
  "POST /apps/*/log-sessions": hasFields({ logplex_url: isText }, optional(["lines", "lines_max"], isNumber)),
  "GET /apps/*/log-histogram": hasFields({}, { dynos: isListOf(isText), complete: isFlag }),
  "GET /apps/*/addons": isListOf(addon),
  "POST /apps/*/addons": addon,
  "* /apps/*/addons/*": addon,
  "POST /actions/addons/resolve": isFilled(isListOf(addon)),
  "GET /addon-services": isListOf(hasFields({ name: isText, human_name: isText })),
  "GET /addon-services/*/plans": isListOf(named),
};

const formsInParts = Object.entries(forms).map(([call, form]) => ({ parts: partsOf(call), form }));

/** Why the answer to a call cannot be read; undefined if it can. `at`: its path, with or without a query. */
export function flawOfAnswer(method: string, at: string, answer: unknown): string | undefined {
  const asked = partsOf(`${method} ${at.replace(/\?.*$/s, "")}`);
  const found = formsInParts.find(
    ({ parts }) =>
      parts.length === asked.length && parts.every((part, n) => part === "*" || part === asked[n]),
  );
  const flaw = (found?.form ?? isObject)(answer);
  return flaw && inWords(flaw);
}

function partsOf(call: string): readonly string[] {
  return call.split(/ ?\//);
}
