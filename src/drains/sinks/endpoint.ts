/** The server that something was sent to, as its owner is told: never userinfo, path or query. */
import { isIPv6 } from "node:net";
import type { Destination } from "../destination.ts";

export type Endpoint = Pick<Destination, "host" | "port"> & Partial<Pick<Destination, "kind" | "secure">>;

/** `HOST:PORT`. */
export const nameOf = ({ host, port }: Endpoint): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`;
