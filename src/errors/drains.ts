/** Failures of drains. */
import { AppError } from "./app-error.ts";

export const drainStateUnreadable = (id: string, reason: string) =>
  new AppError({
    code: "DRAIN_STATE_UNREADABLE",
    status: 500,
    message: `The stored state of drain ${id} cannot be used: ${reason}.`,
    mend: "A newer tailrace may have written it: run that one. Else remove the drain and add it again, with `since` for the lines that wait.",
  });

export const recordUnreadable = (key: string, reason: string, cause?: unknown) =>
  new AppError({
    code: "RECORD_UNREADABLE",
    status: 500,
    message: `The stored record ${key} cannot be used: ${reason}.`,
    mend: "A newer tailrace may have written it: run that one on every node. It was left as it is; a drain can be removed all the same, by its id or URL.",
    cause,
  });

export const drainUrlInvalid = (reason: string) =>
  new AppError({
    code: "DRAIN_URL_INVALID",
    status: 422,
    message: `The drain's URL cannot be used: ${reason}.`,
    mend: "Give a URL such as https://user:word@logs.example.com/path or syslog+tls://logs.example.com:6514.",
  });

export const drainFormatInvalid = (format: string, formats: readonly string[]) =>
  new AppError({
    code: "DRAIN_FORMAT_INVALID",
    status: 422,
    message: `There is no drain format "${format.slice(0, 50)}".`,
    mend: `Leave the format out, or use one of: ${formats.join(", ")}.`,
  });

export const syslogFormatInvalid = (format: string) =>
  new AppError({
    code: "DRAIN_FORMAT_INVALID",
    status: 422,
    message: `A syslog drain is always rfc5424, not "${format.slice(0, 50)}".`,
    mend: "Leave the format out (null removes the drain's), or use an https:// URL.",
  });

export const telemetryRefused = (reason: string, mend: string) =>
  new AppError({
    code: "TELEMETRY_REFUSED",
    status: 422,
    message: `The telemetry drain cannot be made: ${reason}.`,
    mend,
  });

/** `range`: the kind of address, such as `private`; `bits`: the length of an address of its family. */
export const drainAddressRefused = (address: string, range: string, bits: number) =>
  new AppError({
    code: "DRAIN_ADDRESS_REFUSED",
    status: 422,
    message: `The drain's URL leads to ${address} (${range}), where drains may not be sent.`,
    mend: `Give a public address, or have the operator start the server with --drain-allow ${address}/${bits}${range === "loopback" ? " or --dev" : ""}.`,
  });

export const drainToItself = () =>
  new AppError({
    code: "DRAIN_TO_ITSELF",
    status: 422,
    message:
      "The drain's URL leads to this server itself: each line would come back as a new one, without end.",
    mend: "Give the URL of a receiver. `tailrace logs -a APP --tail` follows an app without a drain.",
  });

export const drainTestsBusy = (whose: "drain" | "app" | "server", max: number) =>
  new AppError({
    code: "DRAIN_TESTS_BUSY",
    status: 429,
    message: `Drain tests under way for this ${whose}: ${max}, which is the limit.`,
    mend: "Send the request again after the time in Retry-After: a test takes some seconds at most.",
    retryAfterS: 5,
  });
