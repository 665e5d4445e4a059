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
import { FrameRouter, type Sorting, type TokenLookup } from "../routing/router.ts";
import type { SyslogOptions } from "./syslog.ts";
import { SyslogWriter } from "./syslog-writer.ts";
import { type Datagram, UdpLookUps } from "./udp-look-ups.ts";
import { UdpOverruns } from "./udp-overruns.ts";

export type UdpOptions = SyslogOptions & {
  /** Datagrams and lines that are waiting for the log. */
  readonly udpBytesMax: number;
};

/** Requested from the system, which grants at most `net.core.rmem_max`. */
const receiveBytes = 4 * 1024 * 1024;
/** How often to check what the system has dropped. */
const overrunsEveryMs = 5_000;
/** Memory of a waiting datagram besides its bytes. */
const overheadBytes = 256;
/** Those that wait for the store to be asked for their tokens have one part in so many of the memory. */
const lookUpsPart = 4;

/** Rejects: the first look at a token that is not in memory only finds that out. */
const notInMemory = Promise.reject(new Error("a token is not in memory"));
notInMemory.catch(() => {});

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
  /** Sorts those whose tokens are in memory. */
  readonly #router: FrameRouter;
  /** Asks the store for tokens. */
  readonly #asking: FrameRouter;
  readonly #lookUps: UdpLookUps;
  readonly #writer: SyslogWriter;
  #queue: Datagram[] = [];
  #bytes = 0;
  #pump: Promise<void> | undefined;

  constructor(options: UdpOptions) {
    const { tokens, udpBytesMax } = options;
    this.#options = options;
    const inMemory: TokenLookup = {
      get version() {
        return tokens.version;
      },
      peek: (token) => tokens.peek(token),
      find: () => notInMemory,
    };
    this.#router = new FrameRouter({ ...options, tokens: inMemory });
    this.#asking = new FrameRouter(options);
    this.#lookUps = new UdpLookUps(udpBytesMax / lookUpsPart, (datagram) => this.#lookUp(datagram));
    this.#writer = new SyslogWriter(options);
  }

  take(bytes: Buffer, address: string): void {
    const { udpBytesMax } = this.#options;
    const held = bytes.length + overheadBytes;
    if (this.#bytes + this.#writer.bytes + held > udpBytesMax) {
      this.#drop(address);
      return;
    }
    this.#bytes += held;
    this.#queue.push({ bytes, address });
    this.#pump ??= this.#run();
  }

  /** Waits until everything that was received is durable; if the log refuses it, it is asked once more. */
  async close(): Promise<void> {
    this.#writer.stop();
    await this.#pump;
    await this.#lookUps.settled();
    await this.#writer.settled();
  }

  #drop(address: string): void {
    datagrams.inc({ fate: "dropped" });
    this.#options.faults.note(address, "udp_full");
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
    const { clock, defaultToken, senders } = this.#options;
    const { address } = queue[first]!;
    const sorting = this.#router.sort(clock.nowMs(), defaultToken, this.#writer);
    let at = first;
    for (; queue[at]?.address === address && (at === first || !turns.isOver); at++) {
      const datagram = queue[at]!;
      this.#bytes -= datagram.bytes.length + overheadBytes;
      const asking = this.#add(sorting, datagram);
      asking?.catch(() => {});
      if (asking === undefined || this.#lookUps.take(datagram)) datagrams.inc({ fate: "taken" });
      else this.#drop(address);
    }
    const sender = senders?.heard(address, "syslog-udp");
    if (sender !== undefined)
      Object.assign(sender, { framing: "datagram", frames: sender.frames + at - first });
    this.#tellFaults(sorting, address);
    if (turns.isOver) await turns.next(address);
    return at;
  }

  async #lookUp(datagram: Datagram): Promise<void> {
    const { clock, defaultToken } = this.#options;
    const sorting = this.#asking.sort(clock.nowMs(), defaultToken, this.#writer);
    await this.#writer.insist(1, async () => this.#add(sorting, datagram));
    this.#tellFaults(sorting, datagram.address);
  }

  #tellFaults({ faults }: Sorting, address: string): void {
    malformedFrames.inc({ via: "udp" }, faults.count("no_token"));
    unknownTokenFrames.inc({ via: "udp" }, faults.count("unknown_token"));
    faults.tellTo(this.#options.faults, address);
  }

  // Some senders end datagrams with a newline, as they end lines.
  #add(sorting: Sorting, { bytes }: Datagram): Promise<void> | undefined {
    let end = bytes.length;
    while (end > 0 && isFrameEnd(bytes[end - 1])) end--;
    if (end === 0 || this.#writer.placeOne(bytes, 0, end)) return undefined;
    return sorting.add(bytes, 0, end);
  }
}
