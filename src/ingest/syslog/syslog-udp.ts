/**
 * Syslog over UDP, RFC 5426: a datagram is a frame. UDP has no answers and cannot slow a sender down, so at the
 * memory bound datagrams are dropped and counted. Those that the system dropped are counted too, where it counts them
 * (`udp-overruns.ts`).
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, isIPv6 } from "node:net";
import { isFrameEnd } from "../../core/wire/frame.ts";
import { datagrams, malformedFrames, unknownTokenFrames } from "../../metrics.ts";
import { turns } from "../../turns.ts";
import type { Sorting } from "../routing/router.ts";
import { FrameRouter } from "../routing/router.ts";
import type { SyslogOptions } from "./syslog.ts";
import { SyslogWriter } from "./syslog-writer.ts";
import { UdpOverruns } from "./udp-overruns.ts";

export type UdpOptions = SyslogOptions & {
  /** Datagrams and lines that are waiting for the log. */
  readonly udpBytesMax: number;
};

type Datagram = { readonly bytes: Buffer; readonly address: string };

/** Requested from the system, which grants at most `net.core.rmem_max`. */
const receiveBytes = 4 * 1024 * 1024;
/** How often to check what the system has dropped. */
const overrunsEveryMs = 5_000;
/** Memory of a waiting datagram besides its bytes. */
const overheadBytes = 256;

/** `close` stores what was received. */
export async function udpListener(
  options: UdpOptions,
): Promise<{ readonly address: AddressInfo; close(): Promise<void> }> {
  const { host, port, logger, clock } = options;
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", recvBufferSize: receiveBytes });
  const intake = new UdpIntake(options);
  socket.on("message", (bytes, { address }) => intake.take(bytes, address));
  socket.bind(port, host);
  await once(socket, "listening");
  socket.on("error", (error) => logger.error({ err: error }, "the syslog listener for UDP failed"));
  const overruns = new UdpOverruns(socket.address());
  const tellOverruns = async () => {
    const count = await overruns.more();
    if (count === 0) return;
    datagrams.inc({ fate: "overrun" }, count);
    logger.warn({ count }, "the system dropped datagrams of syslog, as more came than were read in time");
  };
  const stop = new AbortController();
  const telling = (async () => {
    for (; !stop.signal.aborted; await tellOverruns()) await clock.sleep(overrunsEveryMs, stop.signal);
  })();
  let closing: Promise<void> | undefined;
  const closeAll = async () => {
    stop.abort();
    await telling; // a last check, while there is still a socket
    socket.close();
    await intake.close();
  };
  return { address: socket.address(), close: () => (closing ??= closeAll()) };
}

/** Datagrams on their way to the log. */
class UdpIntake {
  readonly #options: UdpOptions;
  readonly #router: FrameRouter;
  readonly #writer: SyslogWriter;
  #queue: Datagram[] = [];
  #bytes = 0;
  #pump: Promise<void> | undefined;

  constructor(options: UdpOptions) {
    this.#options = options;
    this.#router = new FrameRouter(options);
    this.#writer = new SyslogWriter(options);
  }

  take(bytes: Buffer, address: string): void {
    const { udpBytesMax, faults } = this.#options;
    const held = bytes.length + overheadBytes;
    if (this.#bytes + this.#writer.bytes + held > udpBytesMax) {
      datagrams.inc({ fate: "dropped" });
      faults.note(address, "udp_full");
      return;
    }
    datagrams.inc({ fate: "taken" });
    this.#bytes += held;
    this.#queue.push({ bytes, address });
    this.#pump ??= this.#run();
  }

  /** Waits until everything that was received is durable; if the log refuses it, it is asked once more. */
  async close(): Promise<void> {
    this.#writer.stop();
    await this.#pump;
    await this.#writer.settled();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // the datagrams of one turn are sorted together
    while (this.#queue.length > 0) {
      const queue = this.#queue;
      this.#queue = [];
      for (let at = 0; at < queue.length; ) at = await this.#sortOf(queue, at);
    }
    this.#pump = undefined;
  }

  // Sorts consecutive datagrams of one address, so that their faults have a peer.
  async #sortOf(queue: readonly Datagram[], first: number): Promise<number> {
    const { clock, defaultToken, faults, senders } = this.#options;
    const { address } = queue[first]!;
    const sorting = this.#router.sort(clock.nowMs(), defaultToken, this.#writer);
    let at = first;
    for (; queue[at]?.address === address && (at === first || !turns.isOver); at++) {
      const { bytes } = queue[at]!;
      this.#bytes -= bytes.length + overheadBytes;
      await this.#add(sorting, bytes);
    }
    const sender = senders?.heard(address, "syslog-udp");
    if (sender !== undefined)
      Object.assign(sender, { framing: "datagram", frames: sender.frames + at - first });
    malformedFrames.inc({ via: "udp" }, sorting.faults.count("no_token"));
    unknownTokenFrames.inc({ via: "udp" }, sorting.faults.count("unknown_token"));
    sorting.faults.tellTo(faults, address);
    if (turns.isOver) await turns.next(address);
    return at;
  }

  // Some senders end datagrams with a newline, as they end lines.
  async #add(sorting: Sorting, bytes: Buffer): Promise<void> {
    let end = bytes.length;
    while (end > 0 && isFrameEnd(bytes[end - 1])) end--;
    if (end === 0) return;
    const asking = sorting.add(bytes, 0, end);
    if (asking === undefined) return;
    let first: Promise<void> | undefined = asking;
    await this.#writer.insist(1, async () => {
      const found = first ?? sorting.add(bytes, 0, end);
      first = undefined;
      await found;
    });
  }
}
