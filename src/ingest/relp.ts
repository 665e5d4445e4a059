/**
 * RELP over TCP and TLS, docs/spec/wire-in.md#w7-1: syslog with answers, which come when the lines are durable. A client
 * that is cut off sends again what was not answered, so nothing is lost, and the end may come twice.
 */
import { RelpConnection, type RelpOptions } from "./relp-connection.ts";
import { type StreamListener, streamListener } from "./stream-listener.ts";
import { checkMsOf, fallbackOf, type SyslogOptions, type SyslogRoom, syslogRoom } from "./syslog.ts";
import type { TlsFiles } from "./tls-handshakes.ts";

/** Listens. `close` answers what is stored and closes every connection. */
export function relpListener(
  options: SyslogOptions & RelpOptions & { readonly tls?: TlsFiles | undefined },
  room: SyslogRoom = syslogRoom(options),
): Promise<StreamListener> {
  const { faults, senders } = options;
  const parts = {
    ...room,
    faults,
    options,
    fallbackOf: fallbackOf(options),
    heard: (address: string | undefined, framing: "octet" | "newline" | "relp", frames: number) => {
      const sender = senders?.heard(address, "relp");
      if (sender !== undefined) Object.assign(sender, { framing, frames: sender.frames + frames });
    },
  };
  return streamListener({
    ...options,
    peers: room.peers,
    noteHandshake: (address, cause) => faults.note(address, cause),
    checkMs: checkMsOf(options),
    handshakeMsMax: options.firstTokenMs,
    open: (socket) => new RelpConnection(socket, parts),
  });
}
