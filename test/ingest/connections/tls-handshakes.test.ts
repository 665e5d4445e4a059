/** Connections whose TLS handshake is not over count for their address until they end. */
import { once } from "node:events";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { SyslogPeers } from "../../../src/ingest/connections/syslog-peers.ts";
import { tlsHandshakes } from "../../../src/ingest/connections/tls-handshakes.ts";
import { serverTls } from "../../support/tls.ts";

test("connections of clients that left before anything was read count no longer than they last", async () => {
  const noted: string[] = [];
  const handshakes = tlsHandshakes(
    { cert: Buffer.from(serverTls.cert), key: Buffer.from(serverTls.key) },
    {
      peers: new SyslogPeers({ connectionsMax: 2, addressConnectionsMax: 2 }),
      note: (_address, cause) => void noted.push(cause),
      handshakeMsMax: 1_000,
      secured: () => expect.unreachable("nobody is there"),
    },
  );
  for (let each = 0; each < 3; each++) {
    const gone = [new Socket(), new Socket()]; // the system cannot tell an address of those, either
    for (const socket of gone) handshakes.begin(socket);
    await Promise.all(gone.map((socket) => once(socket.destroy(), "close")));
  }
  expect(noted).toEqual([]);
});
