/** The least that a server of HTTP does: fastify takes `POST /logs` and throws the bodies away. */
import Fastify from "fastify";

const server = Fastify();
server.addContentTypeParser("application/logplex-1", { parseAs: "buffer" }, (_request, body, done) =>
  done(null, body),
);
server.post("/logs", { bodyLimit: 8_000_000 }, (_request, reply) => reply.code(204).send());
const { port } = new URL(await server.listen({ host: "127.0.0.1", port: 0 }));
console.log(JSON.stringify({ port: Number(port) }));
