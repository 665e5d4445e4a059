/**
 * Further listeners at the address of a server, which accept connections for it. In a turn of the event loop each listener is
 * handed one connection (libuv), so that at a single one whoever connects waits for as many turns as connections came before. The
 * system deals new connections out among all sockets of an address that share it (SO_REUSEPORT).
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
  const { allowHalfOpen, noDelay, keepAlive } = server as ServerOpts;
  const further: Server[] = [];
  try {
    while (mayShare && further.length < furtherMax) {
      const next = createServer({ allowHalfOpen, noDelay, keepAlive }, (socket) =>
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
