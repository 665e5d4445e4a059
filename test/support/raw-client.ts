/** A client that sends bytes as they are, and reads or does not. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ca } from "./tls.ts";

export class RawClient {
  readonly socket: Socket;
  /** All that came back so far. */
  got = "";
  readonly #closed: Promise<unknown>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {}); // `closed` tells
    socket.on("data", (bytes: Buffer) => {
      this.got += bytes.toString("latin1");
    });
  }

  /** Connected, over TLS when `tls` says so. With `reads: false` nothing is read until `read` is called. */
  static async open(
    port: number,
    { tls = false, reads = true, from = "127.0.0.1" } = {},
  ): Promise<RawClient> {
    const to = { host: "127.0.0.1", port, localAddress: from };
    const client = new RawClient(tls ? connectTls({ ...to, ca }) : connect(to));
    if (!reads) client.socket.pause();
    await once(client.socket, tls ? "secureConnect" : "connect");
    return client;
  }

  send(bytes: string | Buffer): this {
    this.socket.write(bytes);
    return this;
  }

  read(): this {
    this.socket.resume();
    return this;
  }

  /** Reads until `isThere` holds for all that came; rejects when the connection ends before. */
  async until(isThere: (got: string) => boolean): Promise<string> {
    this.read();
    while (!isThere(this.got)) {
      if (this.socket.destroyed) throw new Error(`closed before, with: ${this.got.slice(-1000)}`);
      await Promise.race([once(this.socket, "data"), this.#closed]);
    }
    return this.got;
  }

  /** Reads to the end of the connection. */
  async closed(): Promise<string> {
    this.read();
    await this.#closed;
    return this.got;
  }

  leave(): void {
    this.socket.destroy();
  }
}
