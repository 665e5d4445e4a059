/** Failures of the API about rights: who may do what. */
import { AppError } from "./app-error.ts";

export const unauthorized = () =>
  new AppError({
    code: "UNAUTHORIZED",
    status: 401,
    message: "The API key is missing or unknown.",
    mend: "Send it as `Authorization: Bearer KEY`, or as the password of Basic credentials.",
  });

const resourceWords = {
  app: "app",
  log_drain: "drain",
  telemetry_drain: "telemetry drain",
  token: "token",
  key: "key",
  add_on: "add-on",
} as const;

/**
 * Also the answer about things that a key may not see: nothing in it depends on whether they exist. `name` is the name
 * in the request. It is not given for tokens, which are secrets, and not told of a URL, which may hold one.
 */
export const notFound = (resource: keyof typeof resourceWords, name?: string) => {
  const isTold = name !== undefined && !/:\/\//.test(name);
  return new AppError({
    code: "NOT_FOUND",
    status: 404,
    message: `There is no ${isTold ? "" : "such "}${resourceWords[resource]}${isTold ? ` "${name.slice(0, 70)}"` : ""} here, or this key may not see it.`,
    mend: "Check the name and the key.",
    resource,
  });
};

export const pathNotFound = () =>
  new AppError({
    code: "NOT_FOUND",
    status: 404,
    message: "There is nothing at this path.",
    mend: "/docs on this server lists the paths.",
  });

/** `path`: as declared, since the actual path may hold a secret. */
export const roleElsewhere = (path: string, role: string, roles: readonly string[]) =>
  new AppError({
    code: "ROLE_ELSEWHERE",
    status: 421,
    message: `This node has the role${roles.length === 1 ? "" : "s"} ${roles.join(", ")}, and ${path} needs the role ${role}.`,
    mend: `Send the request to a node with the role ${role}, or to an address in front of all roles. The operator says where ${role === "ingest" ? "senders find it by --ingest-url" : "clients find it by --public-url"}; docs/operating.md has an example.`,
  });

/** A 404 like `notFound`: the key gets the same answer whatever exists. */
export const keyOfSomeApps = () =>
  new AppError({
    code: "NOT_FOUND",
    status: 404,
    message: "This key is limited to its own apps: it cannot create apps or see keys.",
    mend: "Use a key that was created without --app.",
  });

export const keyReadOnly = () =>
  new AppError({
    code: "KEY_READ_ONLY",
    status: 403,
    message: "This key may only read.",
    mend: "Use a key that was created without --read-only.",
  });

/** For calls that show config vars, which hold passwords: even reading them is refused. */
export const configForWriters = () =>
  new AppError({
    code: "KEY_READ_ONLY",
    status: 403,
    message: "This key may only read logs, and config vars may be secrets.",
    mend: "Use a key that was created without --read-only.",
  });

/** For calls that show tokens: even reading them is refused. */
export const tokensForWriters = () =>
  new AppError({
    code: "KEY_READ_ONLY",
    status: 403,
    message: "This key may only read logs, and a token gives the right to write them.",
    mend: "Use a key that was created without --read-only.",
  });
