/** Ports that take whatever comes and do nothing with it: what victims feel beside an attack on them is the machine's doing alone. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";

const http = createHttpServer((request, response) => {
  request.resume().on("end", () => response.writeHead(204).end());
});
const stream = createServer((socket) => socket.on("error", () => {}).resume());
const datagrams = createSocket("udp4").on("message", () => {});

async function portOf(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

datagrams.bind(0, "127.0.0.1");
await once(datagrams, "listening");
const [port, streamPort] = [await portOf(http), await portOf(stream)];
console.log(
  JSON.stringify({
    port,
    syslogPort: streamPort,
    relpPort: streamPort,
    udpPort: datagrams.address().port,
  }),
);
