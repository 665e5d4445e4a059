/** Once a parcel is told as delivered its memory belongs to others: no byte of it may go out after that (`Sink` in `ports.ts`). */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { expect, test } from "vitest";
import type { Slice } from "../../../src/ports.ts";
import { batchOf } from "../../support/batches.ts";
import { kept } from "../../support/kept.ts";
import { ca, serverTls } from "../../support/tls.ts";
import { until } from "../../support/until.ts";
import { never, parcelOfSlices, sinkOf } from "./parts.ts";

/** More than both ends' kernels take for a peer that does not read. */
const slicesCount = 160;
const linesOfSlice = 50;
const others = 0x58; // X

const slices = (): Slice[] =>
  Array.from({ length: slicesCount }, (_, n) => {
    const lines = Array.from({ length: linesOfSlice }, (_, line) => `${n}.${line} ${"a".repeat(4_000)}`);
    return batchOf(lines);
  });

/** A peer that reads a first piece, may say something, and reads on when it is told to; it keeps what it read. */
async function peer(isSecure: boolean, says = "") {
  const chunks: Buffer[] = [];
  let ended = false;
  let peer: Socket | undefined;
  const accept = (socket: Socket) => {
    peer = socket;
    socket.on("error", () => {}).on("close", () => (ended = true));
    socket.on("data", (chunk) => {
      if (chunks.push(chunk) === 1) socket.pause().write(says);
    });
  };
  const server: Server = isSecure ? createTlsServer(serverTls, accept) : createServer(accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  kept({
    close: async () => {
      peer?.destroy();
      server.close();
    },
  });
  return {
    port: (server.address() as AddressInfo).port,
    read: () => peer!.resume(),
    hasEnded: () => ended,
    get bytes() {
      return Buffer.concat(chunks);
    },
  };
}

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

test.each(["http", "https"])(
  "%s: behind an answer that came before the body was read nothing of it is sent",
  async (scheme) => {
    const receiver = await peer(scheme === "https", answer);
    const rest = scheme === "https" ? { ca } : {};
    const sink = kept(sinkOf(`${scheme}://127.0.0.1:${receiver.port}/in`, rest));
    const parcel = parcelOfSlices(...slices());
    const whole = Buffer.concat(parcel.slices.map(({ bytes }) => bytes));
    expect(await sink.deliver(parcel, never)).toMatchObject({ kind: "delivered" });
    for (const { bytes } of parcel.slices) bytes.fill(others);
    receiver.read();
    await until(receiver.hasEnded);
    const { bytes } = receiver;
    const body = bytes.subarray(bytes.indexOf("\r\n\r\n") + 4);
    expect(body.length).toBeLessThan(whole.length);
    expect(body.equals(whole.subarray(0, body.length))).toBe(true);
  },
);

test.each(["syslog", "syslog+tls"])(
  "%s: what a slow peer reads late is as it was when it was delivered",
  async (scheme) => {
    const receiver = await peer(scheme === "syslog+tls");
    const rest = scheme === "syslog+tls" ? { ca } : {};
    const sink = kept(sinkOf(`${scheme}://127.0.0.1:${receiver.port}`, rest));
    let isSent = false;
    const sent = () => {
      isSent = true;
    };
    const parcel = parcelOfSlices(...slices().slice(0, 4));
    await sink.deliver(parcel, never, sent);
    expect(isSent).toBe(true);
    for (const { bytes } of parcel.slices) bytes.fill(others);
    const next = parcelOfSlices(...slices());
    const settling = sink.deliver(next, never, () => {
      for (const { bytes } of next.slices) bytes.fill(others);
    });
    receiver.read();
    await settling;
    await sink.close();
    await until(receiver.hasEnded);
    const { bytes } = receiver;
    expect(bytes.toString("latin1").match(/ a{4000}\n/g)).toHaveLength(linesOfSlice * (slicesCount + 4));
    expect(bytes.includes("XXXX")).toBe(false);
  },
);
