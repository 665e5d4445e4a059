/** Turns a body of frames into a batch for each channel, with one token for all frames or by the token in each. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { CanonicalLines } from "../../core/batch/batch.ts";
import {
  type BadFraming,
  type CanonisedBody,
  canoniseBody,
  stepFrames,
} from "../../core/batch/canonise-body.ts";
import { partsWithId } from "../../core/batch/lines.ts";
import type { ChannelId } from "../../core/ids.ts";
import { type Steps, withPauses } from "../../core/scheduling/steps.ts";
import { scanFrame } from "../../core/wire/frame.ts";
import type { AppError } from "../../errors/app-error.ts";
import { countMismatch, malformedFrames, tooManyFrames } from "../../errors/ingest.ts";
import { malformedFrames as malformedCount, unknownTokenFrames } from "../../metrics.ts";
import type { Clock } from "../../ports.ts";
import type { TokenRecord } from "../../registry/records.ts";
import { inFewTurns, inTurns, turns } from "../../turns.ts";
import type { Reservation } from "../bodies/body-budget.ts";
import { isMarked } from "../routing/marks.ts";
import { FrameRouter } from "../routing/router.ts";
import type { Writer } from "../routing/writer.ts";
import type { SenderFaults } from "../senders/sender-faults.ts";
import { dedupIdOf, type NamedRequest, RequestIds } from "./request-ids.ts";

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

/** A body that was read, as the lines of each channel, in parts. */
export type Sorted = { readonly channels: readonly (readonly [ChannelId, readonly CanonicalLines[]])[] };

type CanonisedRequest = { readonly named: NamedRequest | undefined; readonly found: CanonisedBody };

export class BodySorter {
  readonly #options: SorterOptions;
  readonly #router: FrameRouter;
  readonly #requestIds: RequestIds;

  constructor(options: SorterOptions) {
    this.#options = options;
    this.#router = new FrameRouter(options);
    this.#requestIds = new RequestIds(options);
  }

  /**
   * Sorts `body`; returns at once where that takes less than a turn. Throws or rejects with the error of its frames
   * or their number.
   */
  sort(
    writer: Writer,
    body: Buffer,
    request: IncomingMessage,
    reservation: Reservation,
  ): Sorted | Promise<Sorted> {
    return writer.kind === "token" && !isMarked(writer.record)
      ? this.#ofToken(writer.record, body, request, reservation)
      : this.#sortedOf(writer, body, request, reservation);
  }

  #ofToken(
    record: TokenRecord,
    body: Buffer,
    request: IncomingMessage,
    reservation: Reservation,
  ): Sorted | Promise<Sorted> {
    const { channel } = record;
    const hold = holding(reservation, body);
    let growthBytes = 0;
    const steps = this.#canonised(record, body, request.headers, (bytes) => {
      growthBytes = bytes;
    });
    const counted = withPauses(steps, () => hold(growthBytes));
    const canonised = inFewTurns(counted, channel);
    const sorted = ({ named, found }: CanonisedRequest): Sorted => {
      if (found.kind === "bad") throw badFraming(found, body.length, request.headers, this.#options);
      this.#noteReuse(named, request.socket);
      const { parts, count } = found;
      return checked(request.headers, count, count === 0 ? [] : [[channel, parts]]);
    };
    return canonised instanceof Promise ? canonised.then(sorted) : sorted(canonised);
  }

  *#canonised(
    { channel, source, token }: TokenRecord,
    body: Buffer,
    headers: IncomingHttpHeaders,
    onPause: (growthBytes: number) => void,
  ): Steps<CanonisedRequest> {
    const { clock, frameBytesMax, framesMax } = this.#options;
    const named = yield* this.#requestIds.name(headers, token, body);
    const found = yield* canoniseBody(body, source, {
      frameBytesMax,
      framesMax,
      nowMs: clock.nowMs(),
      token,
      onPause,
      ...(named !== undefined && { dedupId: dedupIdOf(named, channel) }),
    });
    return { named, found };
  }

  // Sorts frame by frame: by the token that each names, dropping and counting those without a known one; or with one
  // token whose marks keep something of each frame.
  async #sortedOf(
    writer: Writer,
    body: Buffer,
    { headers, socket }: IncomingMessage,
    reservation: Reservation,
  ): Promise<Sorted> {
    const { clock, faults, addressOf, frameBytesMax, framesMax } = this.#options;
    const one = writer.kind === "token" ? writer.record : undefined;
    const address = addressOf(socket);
    const right = writer.kind === "token" ? writer.record.token : writer.keyId;
    const named = await inTurns(this.#requestIds.name(headers, right, body), address);
    const sorting = this.#router.sort(clock.nowMs());
    const hold = holding(reservation, body);
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
      if (frames % stepFrames === 0) {
        const waiting = hold(sorting.roomBytes);
        if (waiting !== undefined) await waiting;
        if (turns.isOver) await turns.next(address);
      }
      offset = scan.end;
    }
    malformedCount.inc({ via: "http" }, sorting.faults.count("no_token"));
    unknownTokenFrames.inc({ via: "http" }, sorting.faults.count("unknown_token"));
    sorting.faults.tellTo(faults, socket.remoteAddress);
    this.#noteReuse(named, socket);
    const channels = [...sorting.take()].map(([channel, parts]) => {
      // The lines differ from the first attempt's if tokens came or went since, so their number is part of the id.
      const count = parts.reduce((sum, part) => sum + part.count, 0);
      const dedupId = named && dedupIdOf(named, `${channel} ${count}`);
      return [channel, dedupId === undefined ? parts : partsWithId(parts, dedupId)] as const;
    });
    return checked(headers, frames, channels);
  }

  #noteReuse(named: NamedRequest | undefined, socket: Socket): void {
    if (named !== undefined && this.#requestIds.isReused(named))
      this.#options.faults.note(socket.remoteAddress, "request_id_reused");
  }
}

/** Counts the memory of lines that are made of `body`, beside that of frames that were made for it before. */
function holding(reservation: Reservation, body: Buffer): (bytes: number) => Promise<void> | undefined {
  const { linesBytes: before } = reservation;
  return (bytes) => reservation.holdLines(before + bytes, body.length);
}

function checked(headers: IncomingHttpHeaders, frames: number, channels: Sorted["channels"]): Sorted {
  checkCount(headers, frames);
  return { channels };
}

function checkCount(headers: IncomingHttpHeaders, frames: number): void {
  const said = headers["logplex-msg-count"];
  if (said === undefined) return;
  if (typeof said !== "string" || !/^[0-9]+$/.test(said) || Number(said) !== frames) {
    throw countMismatch(String(said), frames);
  }
}

// For a body that is cut off within its last frame. Logplex notices only by the count header, and takes the rest; we
// lose nothing.
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
