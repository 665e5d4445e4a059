/**
 * RELP over TCP and TLS, docs/spec/wire-in.md#w7-1: syslog with answers, which are sent when the lines are durable. A
 * client that is cut off repeats what was not answered: nothing is lost, but the last lines may be stored twice.
 */

import type { StreamListener } from "../connections/stream-listener.ts";
import type { TlsFiles } from "../connections/tls-handshakes.ts";
import { MemoryBudget } from "../queues/memory-budget.ts";
import { doorListener, type SyslogOptions, type SyslogRoom, syslogRoom } from "../syslog/syslog.ts";
import { RelpConnection, type RelpOptions } from "./relp-connection.ts";

/** `close` answers what is stored, and closes every connection. */
export function relpListener(
  options: SyslogOptions & RelpOptions & { readonly tls?: TlsFiles | undefined },
  room: SyslogRoom = syslogRoom(options),
): Promise<StreamListener> {
  const refused = new MemoryBudget(options.refusedBytesMax);
  return doorListener("relp", options, room, (socket, parts) => new RelpConnection(socket, parts, refused));
}
