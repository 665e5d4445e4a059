/**
 * A request whose head repeats one of before, and its answer: what `POST /logs` uses of Node's, and nothing else. Node's own
 * take longer to make than a hundred lines to store.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { http } from "../node-http.ts";
import type { HttpDate } from "./http-date.ts";
import { type OwnBody, setOwnBody } from "./own-body.ts";
import type { FoundHead } from "./repeated-heads.ts";

/** Node keeps the answer that is being written in the socket, and marks it as the last when the client has closed its side. */
type AnsweredSocket = Socket & { _httpMessage?: unknown };

export type AnswerParts = {
  /** Calls `send` when the answer, whose body has so many bytes, may be sent, or never if it was destroyed. */
  readonly line: (response: ServerResponse, bytes: number, send: () => void) => void;
  readonly date: Pick<HttpDate, "text">;
  /** How long the connection may be idle. */
  readonly keepAliveMs: number;
};

class RepeatedRequest {
  readonly httpVersion = "1.1";
  readonly complete = false; // its body comes by another way
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;

  constructor({ method, url, headers }: FoundHead, socket: Socket) {
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.socket = socket;
  }

  /** It emits nothing: its body has a receiver. */
  on(): this {
    return this;
  }

  resume(): this {
    return this;
  }
}

/** The request of this head, with its body. */
export function repeatedRequest(head: FoundHead, body: OwnBody, socket: Socket): IncomingMessage {
  const request = new RepeatedRequest(head, socket) as unknown as IncomingMessage;
  setOwnBody(request, body);
  return request;
}

/** True for such a request: only a route that bypasses the framework can answer it. */
export const isRepeated = (request: object): boolean => request instanceof RepeatedRequest;

export class RepeatedAnswer {
  readonly req: IncomingMessage;
  statusCode = 200;
  statusMessage = "";
  headersSent = false;
  writableEnded = false;
  /** For Node: there is more to write. */
  finished = false;
  /** Set by Node when the client has closed its side: the connection ends behind this answer. */
  _last = false;
  /** True when it was written, or never will be. */
  isDone = false;
  readonly #socket: AnsweredSocket;
  readonly #parts: AnswerParts;
  #fields = "";
  /** True when its fields say that the connection ends. */
  #closes = false;
  #onClose: () => void = () => {};

  constructor(request: IncomingMessage, parts: AnswerParts) {
    this.req = request;
    this.#socket = request.socket;
    this.#socket._httpMessage = this;
    this.#parts = parts;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  setHeader(name: string, value: string | number): this {
    http.validateHeaderValue(name, String(value));
    this.#fields += `${name}: ${value}\r\n`;
    if (name === "connection" && value === "close") this.#closes = this._last = true;
    return this;
  }

  end(body = ""): this {
    if (this.writableEnded) return this;
    this.writableEnded = true;
    this.#parts.line(this as unknown as ServerResponse, body.length, () => this.#write(body));
    return this;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** `listener` is called when it was written, or never will be. */
  once(_close: "close", listener: () => void): this {
    this.#onClose = listener;
    return this;
  }

  /** Node tells it of timeouts of its socket, which the server's listener handles. */
  emit(): boolean {
    return false;
  }

  /** Call before the parser gets what follows on the connection. */
  letGo(): void {
    if (this.#socket._httpMessage === this) this.#socket._httpMessage = null;
  }

  /** Call when the connection is closed. */
  broke(): void {
    this.#done();
  }

  #write(body: string): void {
    if (!this.#socket.writable) {
      this.#done(); // its connection was refused meanwhile
      return;
    }
    const { statusCode: status } = this;
    const reason = this.statusMessage || http.STATUS_CODES[status] || "";
    http.validateHeaderValue("status", reason);
    this.headersSent = true;
    this.finished = true;
    const length = status === 204 ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    const fields = `${this.#fields}Date: ${this.#parts.date.text}\r\n${this.#kept}${length}`;
    const text = `HTTP/1.1 ${status} ${reason}\r\n${fields}\r\n${body}`;
    this.#socket.write(text, body === "" ? "latin1" : "utf8", () => this.#done()); // as Node does
  }

  // Says what becomes of the connection.
  get #kept(): string {
    if (this.#closes) return "";
    if (this._last) return "Connection: close\r\n";
    const keepAliveS = Math.floor(this.#parts.keepAliveMs / 1000);
    return `Connection: keep-alive\r\nKeep-Alive: timeout=${keepAliveS}\r\n`;
  }

  #done(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.letGo();
    if (this._last) this.#socket.destroySoon();
    this.#onClose();
  }
}
