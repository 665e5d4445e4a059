/** From a body of frames to a batch for each channel: with one token for all frames, or by the token in each. */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { FastifyRequest } from "fastify";
import type { CanonicalLines } from "../core/batch.ts";
import { type BadFraming, canoniseInSteps, stepFrames } from "../core/canonical.ts";
import { scanFrame } from "../core/frame.ts";
import type { ChannelId } from "../core/ids.ts";
import type { AppError } from "../errors/app-error.ts";
import { countMismatch, malformedFrames, tooManyFrames } from "../errors/ingest.ts";
import { malformedFrames as malformedCount, unknownTokenFrames } from "../metrics.ts";
import type { Clock } from "../ports.ts";
import { inTurns, turns } from "../turns.ts";
import { isMarked } from "./marks.ts";
import { dedupIdOf, type NamedRequest, RequestIds } from "./request-ids.ts";
import { FrameRouter } from "./router.ts";
import type { SenderFaults } from "./sender-faults.ts";
import type { Writer } from "./writer.ts";

type RouterOptions = ConstructorParameters<typeof FrameRouter>[0];
type SorterOptions = RouterOptions &
  ConstructorParameters<typeof RequestIds>[0] & {
    readonly addressOf: (socket: Socket) => string;
    readonly faults: Pick<SenderFaults, "note">;
    readonly clock: Pick<Clock, "nowMs">;
    readonly frameBytesMax: number;
    /** Frames of one body. */
    readonly framesMax: number;
  };

/** A body that was read: good frames, and the lines for each channel, a batch for each. */
type Sorted = {
  readonly frames: number;
  readonly channels: readonly (readonly [ChannelId, CanonicalLines])[];
};

export class BodySorter {
  readonly #options: SorterOptions;
  readonly #router: FrameRouter;
  readonly #requestIds: RequestIds;

  constructor(options: SorterOptions) {
    this.#options = options;
    this.#router = new FrameRouter(options);
    this.#requestIds = new RequestIds(options);
  }

  /** The lines of `body` for each channel. Rejects with what is wrong with its frames, or their count. */
  async sort(writer: Writer, body: Buffer, request: FastifyRequest): Promise<Sorted["channels"]> {
    const { frames, channels } = await (writer.kind === "token" && !isMarked(writer.record)
      ? this.#ofToken(writer, body, request)
      : this.#sortedOf(writer, body, request));
    checkCount(request.headers, frames);
    return channels;
  }

  async #ofToken(
    writer: Writer & { kind: "token" },
    body: Buffer,
    { headers, raw }: FastifyRequest,
  ): Promise<Sorted> {
    const { clock, frameBytesMax, framesMax } = this.#options;
    const { channel, source, token } = writer.record;
    const named = this.#requestIds.name(headers, token, body);
    const steps = canoniseInSteps(body, source, {
      frameBytesMax,
      framesMax,
      nowMs: clock.nowMs(),
      token,
      ...(named !== undefined && { dedupId: dedupIdOf(named, channel) }),
    });
    const canonised = await inTurns(steps, channel);
    if (canonised.kind === "bad") throw badFraming(canonised, body.length, headers, this.#options);
    const { lines } = canonised;
    this.#noteReuse(named, raw.socket);
    return { frames: lines.count, channels: lines.count === 0 ? [] : [[channel, lines]] };
  }

  // Frames with the token that each of them names, where it is missing or unknown dropped and counted; or all with one
  // token whose marks keep something of each frame.
  async #sortedOf(writer: Writer, body: Buffer, { headers, raw }: FastifyRequest): Promise<Sorted> {
    const { clock, faults, addressOf, frameBytesMax, framesMax } = this.#options;
    const one = writer.kind === "token" ? writer.record : undefined;
    const named = this.#requestIds.name(
      headers,
      writer.kind === "token" ? writer.record.token : writer.keyId,
      body,
    );
    const sorting = this.#router.sort(clock.nowMs());
    const address = addressOf(raw.socket);
    let frames = 0;
    for (let offset = 0; offset < body.length; frames++) {
      const scan = scanFrame(body, offset, frameBytesMax);
      if (scan.kind !== "frame") {
        const reason = scan.kind === "more" ? "truncated" : scan.reason;
        throw badFraming({ kind: "bad", reason, frame: frames, offset }, body.length, headers, this.#options);
      }
      if (frames === framesMax) throw tooManyFrames(framesMax);
      const asking = sorting.add(body, scan.start, scan.end, one);
      if (asking !== undefined) await asking;
      if (frames % stepFrames === 0 && turns.isOver) await turns.next(address);
      offset = scan.end;
    }
    malformedCount.inc({ via: "http" }, sorting.faults.count("no_token"));
    unknownTokenFrames.inc({ via: "http" }, sorting.faults.count("unknown_token"));
    sorting.faults.tellTo(faults, raw.socket.remoteAddress);
    this.#noteReuse(named, raw.socket);
    const channels = [...sorting.take()].map(([channel, lines]) => {
      // Tokens that came or went since the first try: then these are other lines.
      const dedupId = named && dedupIdOf(named, `${channel} ${lines.count}`);
      return [channel, dedupId === undefined ? lines : { ...lines, dedupId }] as const;
    });
    return { frames, channels };
  }

  #noteReuse(named: NamedRequest | undefined, socket: Socket): void {
    if (named !== undefined && this.#requestIds.isReused(named))
      this.#options.faults.note(socket.remoteAddress, "request_id_reused");
  }
}

function checkCount(headers: IncomingHttpHeaders, frames: number): void {
  const said = headers["logplex-msg-count"];
  if (said === undefined) return;
  if (typeof said !== "string" || !/^[0-9]+$/.test(said) || Number(said) !== frames) {
    throw countMismatch(String(said), frames);
  }
}

// A last frame that is cut off: logplex tells by the count header alone, and takes the rest without it; we lose
// nothing.
function badFraming(
  bad: BadFraming,
  bodyBytes: number,
  headers: IncomingHttpHeaders,
  { frameBytesMax, framesMax }: { readonly frameBytesMax: number; readonly framesMax: number },
): AppError {
  if (bad.reason === "too_many") return tooManyFrames(framesMax);
  malformedCount.inc({ via: "http" });
  const where = `Frame ${bad.frame + 1}, at byte ${bad.offset} of ${bodyBytes},`;
  switch (bad.reason) {
    case "truncated":
      checkCount(headers, bad.frame);
      return malformedFrames(`${where} is cut off by the end of the body: send it whole.`);
    case "frame_too_long":
      return malformedFrames(`${where} is longer than ${frameBytesMax} bytes: cut it into several.`);
    case "length_not_decimal":
      return malformedFrames(`${where} does not start with its length; newline-framed lines are not taken.`);
  }
}
