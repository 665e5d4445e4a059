/**
 * Bounds the memory of the bodies that https drains make of their lines: as JSON a line may be six times as long, and a
 * body stays until its receiver's system has taken all of it. When there is no room, an app that has a body waits for
 * its own; for one that has none, the body that has been on its way longest is given up, if its receiver has had
 * `unreadMsMin` to read it. So receivers that do not read keep nobody else waiting for longer than that.
 */

type Waiting = { readonly bytes: number; readonly enter: () => void };

type Limits = {
  /** Bodies of all apps, and of one. */
  readonly bytesMax: number;
  readonly appBytesMax: number;
  readonly unreadMsMin: number;
};

/** The most that a format makes of lines, but for those that are hardly longer than their heads. */
const growth = 6;
/** Bodies that may become no longer than this do not wait for others of their app. */
const smallBytesMax = 64 * 1024;

export class BodyPlaces {
  readonly #limits: Limits;
  /** Bytes of each app that has any. */
  readonly #held = new Map<string, number>();
  /** Those of the bodies that are on their way, the longest first. */
  readonly #onTheirWay = new Set<BodyPlace>();
  readonly #waiting = new Map<string, Set<Waiting>>();
  #bytes = 0;
  /** Runs until the oldest body may be given up. */
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A place for what becomes of so many bytes of lines; at once, or when there is one. Rejects when it is aborted.
   * `giveUp` ends
   * the body's request, which has had so long.
   */
  take(
    app: string,
    lineBytes: number,
    giveUp: (ms: number) => void,
    signal: AbortSignal,
  ): BodyPlace | Promise<BodyPlace> {
    const bytes = growth * lineBytes;
    const enter = () => new BodyPlace(this, app, bytes, giveUp);
    const isFirst = bytes <= smallBytesMax || !this.#waiting.has(app);
    if (isFirst && this.#hasRoom(app, bytes)) return enter();
    return new Promise((resolve, reject) => {
      const waiting = {
        bytes,
        enter: () => {
          signal.removeEventListener("abort", leave);
          resolve(enter());
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
      this.#makeRoom();
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

  setOut(place: BodyPlace): void {
    this.#onTheirWay.add(place);
    this.#makeRoom();
  }

  arrive(place: BodyPlace): void {
    this.#onTheirWay.delete(place);
  }

  #hasRoom(app: string, bytes: number): boolean {
    const { bytesMax, appBytesMax } = this.#limits;
    if (this.#bytes + bytes > bytesMax && this.#bytes > 0) return false;
    const held = this.#held.get(app);
    return held === undefined || bytes <= smallBytesMax || held + bytes <= appBytesMax;
  }

  #admit(): void {
    for (const [app, [first]] of this.#waiting) {
      if (first === undefined || !this.#hasRoom(app, first.bytes)) continue;
      this.#leave(app, first);
      first.enter();
    }
    this.#makeRoom();
  }

  // Gives up what has been there longest, when an app waits that has nothing.
  #makeRoom(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0) return;
    if (![...this.#waiting.keys()].some((app) => !this.#held.has(app))) return;
    const [longest] = this.#onTheirWay;
    if (longest === undefined) return;
    const giveUp = () => {
      this.#timer = undefined;
      if (this.#onTheirWay.delete(longest)) longest.giveUp();
      this.#makeRoom();
    };
    this.#timer = setTimeout(giveUp, Math.max(this.#limits.unreadMsMin - longest.onItsWayMs, 0));
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
  readonly #giveUp: (ms: number) => void;
  #bytes: number;
  #setOutMs = 0;

  /** Counts so many bytes until it is known what the body has. */
  constructor(places: BodyPlaces, app: string, bytes: number, giveUp: (ms: number) => void) {
    this.#places = places;
    this.#app = app;
    this.#bytes = bytes;
    this.#giveUp = giveUp;
    places.hold(app, bytes);
  }

  get onItsWayMs(): number {
    return performance.now() - this.#setOutMs;
  }

  giveUp(): void {
    this.#giveUp(Math.round(this.onItsWayMs));
  }

  /** The body has so many bytes, and is sent now. */
  setOut(bytes: number): void {
    this.#count(bytes);
    this.#setOutMs = performance.now();
    this.#places.setOut(this);
  }

  /** The body is gone. Idempotent. */
  end(): void {
    this.#places.arrive(this);
    this.#count(0);
  }

  #count(bytes: number): void {
    const more = bytes - this.#bytes;
    this.#bytes = bytes;
    if (more !== 0) this.#places.hold(this.#app, more);
  }
}
