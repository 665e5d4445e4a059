/** Requests as bytes, several to a connection, and what came back. */

const empty = "0\r\n\r\n";

/** A POST whose body comes in one chunk. */
export const chunked = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n` +
  (body === "" ? empty : `${body.length.toString(16)}\r\n${body}\r\n${empty}`);

/** A request behind which the server closes the connection. */
export const last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** The bodies of the answers 200, in their order. */
export const answersIn = (got: string): string[] =>
  got
    .split(/HTTP\/1\.1 200 OK\r\n/)
    .slice(1)
    .map((answer) =>
      answer.slice(answer.indexOf("\r\n\r\n") + 4).replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, ""),
    );
