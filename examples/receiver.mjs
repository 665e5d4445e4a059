// A receiver for log drains, to see what one is sent: node examples/receiver.mjs [PORT [HOST]]
// Each request is one parcel of frames ("LENGTH FRAME" back to back); any 2xx answer takes all of it.
import { createServer } from "node:http";

const port = Number(process.argv[2] ?? 8700);
const host = process.argv[3] ?? "127.0.0.1";

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  for (const frame of framesOf(Buffer.concat(chunks))) console.log(frame.trimEnd());
  response.writeHead(204).end();
});
server.listen(port, host, () => console.log(`receives on http://${host}:${port}`));

function* framesOf(body) {
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(" ", at);
    const end = space + 1 + Number(body.toString("latin1", at, space));
    yield body.toString("utf8", space + 1, end);
    at = end;
  }
}
