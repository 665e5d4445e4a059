import { scanRelp } from "../../core/wire/relp.ts";
import { FrameBytes, type NextFrame } from "../connections/frame-bytes.ts";
import type { FrameRooms } from "../connections/frame-rooms.ts";

/** Cuts a stream into transactions of RELP; a frame is the data of one. Bytes that are no RELP are `foreign`. */
export class RelpBuffer extends FrameBytes {
  readonly framing = "relp";
  /** Those of the newest frame. */
  transaction = 0;
  command = "";
  readonly #dataBytesMax: number;

  constructor(dataBytesMax: number, rooms?: FrameRooms) {
    super(rooms);
    this.#dataBytesMax = dataBytesMax;
  }

  next(): NextFrame {
    for (;;) {
      if (this.at >= this.bytes.length && !this.goToRest()) return "more";
      const scan = scanRelp(this.bytes, this.at, this.#dataBytesMax);
      if (scan.kind === "more") {
        this.keepRest(scan.bytesMissing);
        continue;
      }
      if (scan.kind === "bad") {
        this.start = this.at;
        this.end = this.bytes.length;
        return scan.reason === "frame_too_long" ? "too_long" : "foreign";
      }
      this.transaction = scan.transaction;
      this.command = scan.command;
      this.start = scan.start;
      this.end = scan.end;
      this.at = scan.next;
      return "frame";
    }
  }
}
