/**
 * Further listeners at a server's address, which accept connections for it. libuv accepts one connection per listener
 * in a turn of the event loop, so with a single listener a new connection waits as many turns as there are connections
 * before it. The system spreads connections over all sockets that share an address (SO_REUSEPORT).
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type ServerOpts } from "node:net";

type Place = { readonly host: string; readonly port: number };
type Shared = Place & { readonly reusePort?: true };

const furtherMax = 31;
/** Elsewhere the system does not deal connections out. */
const mayShare = process.platform === "linux";

/** The address as the server is to listen at it. Rejects where another program does: one of ours would share it. */
export async function shared(at: Place): Promise<Shared> {
  if (!mayShare) return at;
  if (at.port !== 0) {
    const probe = createServer();
    await listening(probe, at);
    await new Promise((resolve) => probe.close(resolve));
  }
  return { ...at, reusePort: true };
}

/** Listens beside `server`, which does by `shared`. Node before 22.12 cannot: then `server` accepts all by itself. */
export async function listenFurther(server: Server): Promise<{ close(): Promise<void> }> {
  const { address: host, port } = server.address() as AddressInfo;
  const { allowHalfOpen, noDelay, keepAlive, pauseOnConnect } = server as ServerOpts;
  const further: Server[] = [];
  try {
    while (mayShare && further.length < furtherMax) {
      const next = createServer({ allowHalfOpen, noDelay, keepAlive, pauseOnConnect }, (socket) =>
        server.emit("connection", socket),
      );
      await listening(next, { host, port, reusePort: true });
      next.on("error", (error) => server.emit("error", error));
      further.push(next);
    }
  } catch {
    // fewer then, or none: `server` listens
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
