/**
 * Bounds the memory of the bodies that https drains make of their lines: as JSON a line may be six times as long, and a
 * body stays for as long as its receiver takes to answer. An app that is at the bound goes on with one body at a time.
 */

type Waiting = { readonly bytes: number; readonly enter: () => void };

type Limits = {
  /** Bodies of all apps, and of one. */
  readonly bytesMax: number;
  readonly appBytesMax: number;
};

/** The most that a format makes of lines, but for those that are hardly longer than their heads. */
const growth = 6;
/** Bodies that may become no longer than this do not wait. */
const smallBytesMax = 64 * 1024;

export class BodyPlaces {
  readonly #limits: Limits;
  /** Bytes of each app that has any. */
  readonly #held = new Map<string, number>();
  readonly #waiting = new Map<string, Set<Waiting>>();
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A place for what becomes of so many bytes of lines; at once, or when there is one. Rejects when it is aborted. */
  take(app: string, lineBytes: number, signal: AbortSignal): BodyPlace | Promise<BodyPlace> {
    const bytes = growth * lineBytes;
    const isFirst = bytes <= smallBytesMax || !this.#waiting.has(app);
    if (isFirst && this.#hasRoom(app, bytes)) return new BodyPlace(this, app, bytes);
    return new Promise((resolve, reject) => {
      const waiting = {
        bytes,
        enter: () => {
          signal.removeEventListener("abort", leave);
          resolve(new BodyPlace(this, app, bytes));
        },
      };
      const leave = () => {
        this.#leave(app, waiting);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      const others = this.#waiting.get(app);
      if (others === undefined) this.#waiting.set(app, new Set([waiting]));
      else others.add(waiting);
    });
  }

  /** Counts more, or with a negative number less. */
  hold(app: string, bytes: number): void {
    const held = (this.#held.get(app) ?? 0) + bytes;
    if (held > 0) this.#held.set(app, held);
    else this.#held.delete(app);
    this.#bytes += bytes;
    if (bytes < 0) this.#admit();
  }

  #hasRoom(app: string, bytes: number): boolean {
    const held = this.#held.get(app);
    if (held === undefined || bytes <= smallBytesMax) return true;
    const { bytesMax, appBytesMax } = this.#limits;
    return held + bytes <= appBytesMax && this.#bytes + bytes <= bytesMax;
  }

  #admit(): void {
    for (const [app, [first]] of this.#waiting) {
      if (first === undefined || !this.#hasRoom(app, first.bytes)) continue;
      this.#leave(app, first);
      first.enter();
    }
  }

  #leave(app: string, one: Waiting): void {
    const waiting = this.#waiting.get(app);
    if (waiting?.delete(one) && waiting.size === 0) this.#waiting.delete(app);
  }
}

/** The place of one body. */
export class BodyPlace {
  readonly #places: BodyPlaces;
  readonly #app: string;
  #bytes: number;

  constructor(places: BodyPlaces, app: string, bytes: number) {
    this.#places = places;
    this.#app = app;
    this.#bytes = bytes;
    places.hold(app, bytes);
  }

  /** Counts the body with what it has; with 0 it is gone. */
  becomes(bytes: number): void {
    const more = bytes - this.#bytes;
    this.#bytes = bytes;
    if (more !== 0) this.#places.hold(this.#app, more);
  }
}
