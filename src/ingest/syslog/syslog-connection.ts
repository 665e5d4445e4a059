import type { Socket } from "node:net";
import { malformedFrames } from "../../metrics.ts";
import { type ConnectionParts, FrameConnection } from "../connections/frame-connection.ts";
import type { Sorting } from "../routing/router.ts";
import { sampleOf } from "../senders/fault-sample.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import type { SyslogOptions } from "./syslog.ts";
import type { SyslogWriter } from "./syslog-writer.ts";

type SyslogParts = ConnectionParts<Omit<SyslogOptions, "host" | "port" | "queues">>;

/** One sender of plain syslog: its frames become lines of their channels, written into their open batches. */
export class SyslogConnection extends FrameConnection<FrameBuffer, SyslogParts["options"]> {
  readonly #writer: SyslogWriter;
  /** That of the current read. */
  #sorting: Sorting | undefined;

  constructor(socket: Socket, parts: SyslogParts, writer: SyslogWriter) {
    super(socket, parts, new FrameBuffer(parts.options.frameBytesMax));
    this.#writer = writer;
  }

  override stop(): void {
    this.#writer.stop();
    super.stop();
  }

  protected begin(): void {
    const { router, options } = this.parts;
    this.#sorting ??= router.sort(options.clock.nowMs(), this.fallback, this.#writer);
    this.#writer.begin();
  }

  protected override placePlain(): number {
    const { frames } = this;
    let taken = 0;
    for (let hasMore = frames.at < frames.bytes.length; hasMore; ) {
      hasMore = frames.passTo(this.#writer.placePlain(frames.bytes, frames.at));
      taken += this.#writer.plainFrames;
    }
    this.#sorting!.placed += taken;
    return taken;
  }

  protected place(): Promise<void> | undefined {
    const { bytes, start, end } = this.frames;
    const sorting = this.#sorting!;
    const asking = sorting.add(bytes, start, end);
    return asking && this.#writer.insist(1, this.triesOf(sorting, asking));
  }

  protected placed(): void {
    const sorting = this.#sorting!;
    this.#sorting = undefined;
    this.pace.brought(sorting.placed);
    this.report(sorting, "syslog");
  }

  protected flawed(flaw: "too_long" | "foreign"): void {
    const { foreign, bytes, start, end } = this.frames;
    if (flaw === "too_long") this.close("frame_too_long");
    else this.close(foreign, () => sampleOf(bytes, start, end));
  }

  protected override untilRoom(): Promise<void> | undefined {
    return this.#writer.untilRoom();
  }

  // A last line without a newline still counts, and a counted frame is incomplete.
  protected async finish(hasEnded: boolean): Promise<void> {
    if (!this.isCut) return;
    if (!hasEnded || !this.frames.finish()) {
      malformedFrames.inc({ via: "syslog" });
      this.parts.faults.note(this.address, "unfinished");
      return;
    }
    this.begin();
    await this.place();
    this.parts.heard(this.address, this.frames.framing, 1);
    this.placed();
  }

  protected async leave(): Promise<void> {
    this.socket.destroy();
    await this.#writer.settled();
  }
}
