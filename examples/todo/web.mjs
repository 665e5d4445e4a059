// GET / shows the list, POST / adds a line to it, GET /crash ends the process as a bug would.
import { createServer } from "node:http";
import { readList, writeList } from "./store.mjs";

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text) => text.replace(/[&<>"]/g, (char) => escapes[char]);

function page() {
  const items = readList().map(
    ({ text, done }) => `<li>${done ? `<s>${escaped(text)}</s>` : escaped(text)}</li>`,
  );
  return `<!DOCTYPE html><title>todo</title><h1>${escaped(process.env.TITLE ?? "To do")}</h1><ul>${items.join("\n")}</ul>
<form method="post"><input name="text" autofocus> <button>Add</button></form>\n`;
}

const server = createServer(async (request, response) => {
  if (request.url === "/crash") throw new Error("a bug, as you asked for");
  if (request.method === "POST") {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) {
      body += chunk;
      if (body.length > 10_000) return response.writeHead(413).end("that is too much to do\n");
    }
    const text = new URLSearchParams(body).get("text") ?? "";
    if (text !== "") writeList([...readList(), { text, done: false }]);
    console.log(`request_id=${request.headers["x-request-id"]} added: ${text}`);
    return response.writeHead(303, { location: "/" }).end();
  }
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(page());
});

server.listen(process.env.PORT, () => console.log(`listening on ${process.env.PORT}`));
process.on("SIGTERM", () => server.close());
process.on("unhandledRejection", (error) => {
  console.error(error);
  process.exit(1);
});
