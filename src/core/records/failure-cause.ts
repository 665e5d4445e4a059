/** Why deliveries of a drain fail, in one word: a closed set, for metrics and for programs. People read `reason`. */
export const failureCauses = [
  "address", // the host's name cannot be looked up, or its address may not be used
  "connection", // there is none, or it broke
  "tls", // the handshake failed, or the certificate does not hold
  "timeout", // it was connected, and did not take or answer a parcel in time
  "throttled", // it asks for fewer requests: 429
  "rejected", // it refuses: any other status below 500
  "server_error", // it is in trouble: a status from 500 on
  "other", // this server's own doing, or not known
] as const;

export type FailureCause = (typeof failureCauses)[number];

/** The cause of an answer over HTTP that is no success. */
export function causeOfStatus(status: number): FailureCause {
  if (status >= 500) return "server_error";
  return status === 429 ? "throttled" : "rejected";
}
