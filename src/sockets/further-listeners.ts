/**
 * Further listeners at a server's address, which accept connections for it. libuv accepts one connection per listener
 * in a turn of the event loop, so with a single listener a new connection waits as many turns as there are connections
 * before it. The system spreads connections over all sockets that share an address (SO_REUSEPORT).
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type ServerOpts } from "node:net";
import { newConnections } from "./new-connections.ts";

type Place = { readonly host: string; readonly port: number };
type Shared = Place & { readonly reusePort?: true };

const furtherMax = 31;
/** Other systems do not spread connections over such sockets. */
const mayShare = process.platform === "linux";

/**
 * The address for a server to listen at. Rejects if another program listens there already; another tailrace would
 * otherwise share it.
 */
export async function shared(at: Place): Promise<Shared> {
  if (!mayShare) return at;
  if (at.port !== 0) {
    const probe = createServer();
    await listening(probe, at);
    await new Promise((resolve) => probe.close(resolve));
  }
  return { ...at, reusePort: true };
}

/**
 * Listens beside `server`, which listens at the address of `shared`. Node before 22.12 cannot do this: then `server`
 * accepts all connections by itself.
 */
export async function listenFurther(server: Server): Promise<{ close(): Promise<void> }> {
  const { address: host, port } = server.address() as AddressInfo;
  const { allowHalfOpen, noDelay, keepAlive } = server as ServerOpts;
  const further: Server[] = [];
  try {
    while (mayShare && further.length < furtherMax) {
      const next = createServer({ allowHalfOpen, noDelay, keepAlive }, (socket) =>
        server.emit("connection", socket),
      );
      newConnections.attach(next);
      await listening(next, { host, port, reusePort: true });
      next.on("error", (error) => server.emit("error", error));
      further.push(next);
    }
  } catch {
    // There are fewer listeners then, or none: `server` still listens.
  }
  const close = async () => {
    await Promise.all(further.map((each) => each.listening && new Promise((done) => each.close(done))));
  };
  return { close };
}

async function listening(server: Server, at: Shared): Promise<void> {
  server.listen(at);
  await once(server, "listening");
}
