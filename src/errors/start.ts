/** Reasons why a server cannot start, or a setting cannot be used. */
import { AppError } from "./app-error.ts";

export const listenInUse = (option: string, address: string, cause: unknown) =>
  new AppError({
    code: "LISTEN_IN_USE",
    status: 503,
    message: `${address}, the address of ${option}, is in use already.`,
    mend: `Stop what listens there, or give another with ${option} HOST:PORT (port 0 takes a free one${option === "--syslog" ? "; off: none" : ""}).`,
    exitStatus: 2,
    cause,
  });

export const listenAddress = (option: string, host: string, cause: unknown) =>
  new AppError({
    code: "LISTEN_ADDRESS",
    status: 503,
    message: `This machine has no address ${host}, which ${option} names.`,
    mend: `Give one that it has: ${option} 0.0.0.0:PORT for all of them, or 127.0.0.1:PORT.`,
    exitStatus: 2,
    cause,
  });

export const listenForbidden = (option: string, address: string, cause: unknown) =>
  new AppError({
    code: "LISTEN_FORBIDDEN",
    status: 503,
    message: `The system does not let this process listen on ${address}, the address of ${option}.`,
    mend: `Give a port above 1023 with ${option} HOST:PORT, or the process the right to lower ones.`,
    exitStatus: 2,
    cause,
  });

export const dataUnusable = (folder: string, reason: string, cause?: unknown) =>
  new AppError({
    code: "DATA_UNUSABLE",
    status: 503,
    message: `The folder of --data, ${folder}, cannot be used: ${reason}.`,
    mend: "Fix that, so that the user of this process can read and write there, or give another folder with --data.",
    exitStatus: 2,
    cause,
  });

/** `reason` names the file and its option. */
export const clientTokensUnusable = (file: string, line: number) =>
  new AppError({
    code: "CLIENT_TOKENS_UNUSABLE",
    status: 503,
    message: `Line ${line} of --tls-client-tokens ${file} is not a name and a token.`,
    mend: 'Write NAME TOKEN in each line: a common name, a DNS name or sha256:FINGERPRINT of the certificate, and an ingest token ("tailrace tokens -a APP").',
    exitStatus: 2,
  });

export const tlsUnusable = (reason: string, cause?: unknown) =>
  new AppError({
    code: "TLS_UNUSABLE",
    status: 503,
    message: `The server cannot speak TLS: ${reason}.`,
    mend: "Give a certificate chain with --tls-cert and its key without a pass phrase with --tls-key, both PEM.",
    exitStatus: 2,
    cause,
  });
