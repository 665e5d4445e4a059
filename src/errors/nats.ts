/** Failures of the engine on NATS. */
import { AppError } from "./app-error.ts";

export const natsUnreachable = (urls: readonly string[], cause: unknown) =>
  new AppError({
    code: "NATS_UNREACHABLE",
    status: 503,
    message: `No NATS server answers at ${urls.join(", ")}: ${reasonOf(cause)}.`,
    mend: "Start it (nats-server -js), or give its address with --nats nats://HOST:PORT; tls:// when it wants TLS.",
    cause,
  });

export const natsRefused = (urls: readonly string[], cause: unknown) =>
  new AppError({
    code: "NATS_REFUSED",
    status: 503,
    message: `The NATS server at ${urls.join(", ")} does not let this process in: ${reasonOf(cause)}.`,
    mend: "Give the credentials file of an account with JetStream with --nats-creds, or the user and password in the URL.",
    cause,
  });

export const natsNoJetStream = (cause: unknown) =>
  new AppError({
    code: "NATS_NO_JETSTREAM",
    status: 503,
    message: "The NATS server has no JetStream, or its servers have no quorum.",
    mend: "Start every server with -js (or `jetstream {}` in its configuration). When they have it, start the missing servers: two of three have to run.",
    cause,
  });

export const natsStreamRefused = (stream: string, cause: unknown) =>
  new AppError({
    code: "NATS_STREAM_REFUSED",
    status: 503,
    message: `NATS cannot make the stream ${stream}: ${reasonOf(cause)}.`,
    mend: "Give JetStream room for --retain-total (max_file_store), as many servers as --nats-replicas, or lower these.",
    cause,
  });

/** `edit`: the command that removes the differences, if there is one. */
export const natsStreamDiffers = (stream: string, differences: readonly string[], edit?: string) =>
  new AppError({
    code: "NATS_STREAM_DIFFERS",
    status: 409,
    message: `The stream ${stream} is not as this process would make it (${differences.join("; ")}).`,
    mend: `Start with the options that it was made with (--retain, --retain-total, --nats-replicas), or change it with \`${edit ?? "nats stream edit"}\`, and the other streams like it; tailrace does not change them by itself.`,
  });

export const natsShardsDiffer = (wanted: number, found: number) =>
  new AppError({
    code: "NATS_SHARDS_DIFFER",
    status: 409,
    message: `The log was made with ${found} shards, and ${wanted} are asked for.`,
    mend: `Start with --nats-shards ${found}, or without it: the number is fixed when the log is made.`,
  });

/** Adds a full stop unless there is one. */
export const sentence = (text: string): string => (/[.?!]$/.test(text) ? text : `${text}.`);

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
