/**
 * The cause of a drain's failed deliveries, in one word: a closed set, for metrics and programs. People read `reason`.
 */
export const failureCauses = [
  "address", // the host's name cannot be looked up, or its address may not be used
  "connection", // there is none, or it broke
  "tls", // the handshake failed, or the certificate is not valid
  "timeout", // it was connected, but did not accept or answer a parcel in time
  "throttled", // it asks for fewer requests: 429
  "rejected", // it refuses: any other status below 500
  "server_error", // it is in trouble: a status of 500 or above
  "other", // this server's own fault, or unknown
] as const;

export type FailureCause = (typeof failureCauses)[number];

/** The cause that belongs to the status of an unsuccessful HTTP answer. */
export function causeOfStatus(status: number): FailureCause {
  if (status >= 500) return "server_error";
  return status === 429 ? "throttled" : "rejected";
}
