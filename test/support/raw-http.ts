/** What a raw peer says to HTTP requests, byte by byte. */
import type { Socket } from "node:net";

/** Calls `answer` for each whole request of a connection; `Content-Length` alone says where it ends. */
export function onRequests(socket: Socket, answer: (index: number) => void): void {
  let held = Buffer.alloc(0);
  let index = 0;
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const headEnd = held.indexOf("\r\n\r\n");
      if (headEnd === -1) return;
      const length = /^content-length: (\d+)/im.exec(held.toString("latin1", 0, headEnd))?.[1] ?? "0";
      const end = headEnd + 4 + Number(length);
      if (held.length < end) return;
      held = held.subarray(end);
      answer(index++);
    }
  });
}

/** An answer with a body and its length. */
export const said = (status: number | string, body = "", headers = ""): string =>
  `HTTP/1.1 ${status} Word\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
