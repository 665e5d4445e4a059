/** Heads of answers that break RFC 9112, as real receivers and proxies send them. `STATUS` stands for code and reason. */
export const oddHeads: ReadonlyMap<string, string> = new Map([
  [
    "Content-Length with chunked (F71)",
    "HTTP/1.1 STATUS\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  ],
  ["bare line feeds (F73)", "HTTP/1.1 STATUS\nContent-Length: 2\n\nok"],
  ["the same length twice", "HTTP/1.1 STATUS\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"],
  ["the same length twice in one field", "HTTP/1.1 STATUS\r\nContent-Length: 2, 2\r\n\r\nok"],
  ["two lengths", "HTTP/1.1 STATUS\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
  ["a length that is no number", "HTTP/1.1 STATUS\r\nContent-Length: two\r\n\r\nok"],
  ["a negative length", "HTTP/1.1 STATUS\r\nContent-Length: -2\r\n\r\nok"],
  ["a length with a sign", "HTTP/1.1 STATUS\r\nContent-Length: +2\r\n\r\nok"],
  ["a huge length", "HTTP/1.1 STATUS\r\nContent-Length: 99999999999999999999\r\n\r\nok"],
  ["a blank before the colon", "HTTP/1.1 STATUS\r\nContent-Length : 2\r\n\r\nok"],
  ["a field without a colon", "HTTP/1.1 STATUS\r\nwhatever\r\nContent-Length: 2\r\n\r\nok"],
  ["a field without a name", "HTTP/1.1 STATUS\r\n: value\r\nContent-Length: 2\r\n\r\nok"],
  ["odd bytes in a name", "HTTP/1.1 STATUS\r\nX\x01(Y)\xff: 1\r\nContent-Length: 2\r\n\r\nok"],
  ["odd bytes in a value", "HTTP/1.1 STATUS\r\nX-Y: a\x00b\x07c\x7f\r\nContent-Length: 2\r\n\r\nok"],
  ["a bare carriage return in a value", "HTTP/1.1 STATUS\r\nX-Y: a\rb\r\nContent-Length: 2\r\n\r\nok"],
  ["obsolete folding", "HTTP/1.1 STATUS\r\nX-Y: a\r\n b\r\n\tc\r\nContent-Length: 2\r\n\r\nok"],
  ["folding before any field", "HTTP/1.1 STATUS\r\n X-Y: a\r\nContent-Length: 2\r\n\r\nok"],
  ["a field of 70 kB", `HTTP/1.1 STATUS\r\nX-Y: ${"y".repeat(70_000)}\r\nContent-Length: 2\r\n\r\nok`],
  ["a head of 200 kB", `HTTP/1.1 STATUS\r\n${`X-Y: ${"y".repeat(1_000)}\r\n`.repeat(200)}\r\nok`],
  ["20,000 fields", `HTTP/1.1 STATUS\r\n${"X: y\r\n".repeat(20_000)}Content-Length: 2\r\n\r\nok`],
  ["an unknown coding", "HTTP/1.1 STATUS\r\nTransfer-Encoding: zip\r\n\r\nok"],
  [
    "chunked that is not the last coding",
    "HTTP/1.1 STATUS\r\nTransfer-Encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  ],
  ["chunked twice", "HTTP/1.1 STATUS\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
  ["chunks that are none", "HTTP/1.1 STATUS\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\nok"],
  [
    "a chunk longer than it says",
    "HTTP/1.1 STATUS\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nok\r\n0\r\n\r\n",
  ],
  ["a body longer than it says", "HTTP/1.1 STATUS\r\nContent-Length: 1\r\n\r\nok"],
  ["no head, no end", "HTTP/1.1 STATUS\r\n"],
  ["a status line that does not end", "HTTP/1.1 STATUS"],
  ["a body where fields should be", "HTTP/1.1 STATUS\r\n<html>ok</html>"],
  ["another version", "HTTP/2 STATUS\r\nContent-Length: 2\r\n\r\nok"],
  ["a version to come", "HTTP/1.9 STATUS\r\nContent-Length: 2\r\n\r\nok"],
  ["small letters", "http/1.1 STATUS\r\nContent-Length: 2\r\n\r\nok"],
  ["blanks before the status", "HTTP/1.1   STATUS\r\nContent-Length: 2\r\n\r\nok"],
  ["odd bytes in the reason", "HTTP/1.1 STATUS \x01\xff\r\nContent-Length: 2\r\n\r\nok"],
]);

/** The answer with a status. A reason follows it, since `200` alone may be the beginning of more. */
export const oddAnswer = (head: string, status: number): Buffer =>
  Buffer.from(head.replace("STATUS", `${status} Word`), "latin1");
