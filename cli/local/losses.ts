/** Remembers lost lines until the app has been told about them. */
import { type LineSource, type Loss, lossText, Parcel } from "./parcel.ts";

export class Losses {
  readonly #notices: LineSource;
  readonly #untold = new Map<Loss["code"], Loss>();

  /** `notices` writes the lines that report losses. */
  constructor(notices: LineSource) {
    this.#notices = notices;
  }

  /** `loss` has not been reported, or not successfully. */
  add({ code, count, sinceMs }: Loss): void {
    const before = this.#untold.get(code);
    this.#untold.set(code, {
      code,
      count: (before?.count ?? 0) + count,
      sinceMs: Math.min(before?.sinceMs ?? sinceMs, sinceMs),
    });
  }

  /** The parcel that reports all losses of one kind; undefined if there are none. */
  notice(code: Loss["code"], nowMs: number): Parcel | undefined {
    const loss = this.#untold.get(code);
    if (loss === undefined) return undefined;
    this.#untold.delete(code);
    const parcel = new Parcel(this.#notices.destination, nowMs, loss);
    const text = Buffer.from(lossText(loss));
    parcel.add(this.#notices, nowMs, text, 0, text.length, true);
    return parcel;
  }
}
