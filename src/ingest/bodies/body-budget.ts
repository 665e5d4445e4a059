/**
 * Bounds the memory of bodies that are being read, and of the lines that are made of them: a share for each app, one for
 * each address, and for all together whatever ingest has left. When nothing is left, the body that was begun first is
 * dropped, because slow bodies are what fills a budget. A few kilobytes can be millions of bytes of lines (empty lines,
 * or records with what they share), so that one body at a time may make more than it is long.
 */
import type { AppError } from "../../errors/app-error.ts";
import { bodiesOfAddressFull, bodiesOfAppFull } from "../../errors/ingest.ts";
import { overloaded } from "../../errors/store.ts";
import type { MemoryBudget } from "../queues/memory-budget.ts";
import { Growth } from "./growth.ts";
import { Inflations } from "./inflations.ts";
import { OnePlace } from "./one-place.ts";

type BodyShares = {
  /** Bodies of one app that are being read. */
  readonly appBodyBytesMax: number;
  /** Bodies from one address that are being read. */
  readonly addressBodyBytesMax: number;
};

/** The owner of a body. `app` is absent where it is not known before the body is read. */
export type BodyOf = { readonly app?: string; readonly address: string };

/** Lines may take this much more than their body before they need the place for the one that grows. */
const growthBytesMax = 256 * 1024;

export class BodyBudget {
  readonly #memory: MemoryBudget;
  readonly #shares: BodyShares;
  readonly #apps = new Tally();
  readonly #addresses = new Tally();
  readonly #inflations = new Inflations();
  readonly #growing = new OnePlace();
  /** The oldest first. */
  readonly #reservations = new Set<Reservation>();
  #bytes = 0;

  constructor(memory: MemoryBudget, shares: BodyShares) {
    this.#memory = memory;
    this.#shares = shares;
    memory.onShortage((bytes) => this.#makeRoom(bytes));
  }

  /** Uint8Array that bodies hold now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The reason why a body of `bytes` would be refused now. Reserves nothing. */
  refusal({ app, address }: BodyOf, bytes: number): AppError | undefined {
    const { appBodyBytesMax, addressBodyBytesMax } = this.#shares;
    if (app !== undefined && this.#apps.of(app) + bytes > appBodyBytesMax)
      return bodiesOfAppFull(appBodyBytesMax);
    if (this.#addresses.of(address) + bytes > addressBodyBytesMax)
      return bodiesOfAddressFull(addressBodyBytesMax);
    return this.#memory.fits(bytes - this.#bytes) ? undefined : overloaded(); // other bodies may be evicted
  }

  /** An empty reservation. The caller must `release` it. */
  reserve(of: BodyOf): Reservation {
    const reservation = new Reservation(
      (bytes) => this.#take(reservation, of, bytes),
      (bytes) => {
        this.#reservations.delete(reservation);
        this.#give(of, bytes);
      },
      (packed, bytesMax) => this.#inflations.inflate(packed, of.address, reservation, bytesMax),
      new Growth(this.#memory, this.#growing, of.app ?? of.address),
    );
    this.#reservations.add(reservation);
    return reservation;
  }

  #take(reservation: Reservation, of: BodyOf, bytes: number): AppError | undefined {
    const refusal = this.refusal(of, bytes);
    if (refusal !== undefined) return refusal;
    if (!this.#memory.fits(bytes)) this.#makeRoom(bytes, reservation);
    if (!this.#memory.makeRoom(bytes)) return overloaded();
    this.#memory.hold(bytes);
    this.#bytes += bytes;
    if (of.app !== undefined) this.#apps.add(of.app, bytes);
    this.#addresses.add(of.address, bytes);
    return undefined;
  }

  #give({ app, address }: BodyOf, bytes: number): void {
    this.#memory.hold(-bytes);
    this.#bytes -= bytes;
    if (app !== undefined) this.#apps.add(app, -bytes);
    this.#addresses.add(address, -bytes);
  }

  // Evicts bodies, the oldest first, but none that is younger than `asking`.
  #makeRoom(bytes: number, asking?: Reservation): void {
    for (const reservation of this.#reservations) {
      if (reservation === asking || this.#memory.fits(bytes)) return;
      reservation.evict();
    }
  }
}

/** The memory that one body and its lines hold. */
export class Reservation {
  readonly #take: (bytes: number) => AppError | undefined;
  readonly #give: (bytes: number) => void;
  /** Inflates a body that has arrived whole, when its turn comes, and takes it away: see `Inflations`. */
  readonly inflate: (packed: Uint8Array, bytesMax: number) => Promise<Buffer>;
  readonly #growth: Growth;
  #bytes = 0;
  #linesBytes = 0;
  /**
   * Called when the body is evicted, and then has to release the reservation. Absent: this body cannot be evicted.
   */
  onEvicted: ((reason: AppError) => void) | undefined;

  constructor(
    take: (bytes: number) => AppError | undefined,
    give: (bytes: number) => void,
    inflate: (packed: Uint8Array, bytesMax: number) => Promise<Buffer>,
    growth: Growth,
  ) {
    this.#take = take;
    this.#give = give;
    this.inflate = inflate;
    this.#growth = growth;
  }

  /** The bytes that `holdLines` has counted. */
  get linesBytes(): number {
    return this.#linesBytes;
  }

  /**
   * Counts the memory of the lines that are being made of a body of `bodyBytes`, `bytes` in all. Returns a promise if it
   * has to wait until other bodies are done. Throws or rejects with the reason why there is no memory.
   */
  holdLines(bytes: number, bodyBytes: number): Promise<void> | undefined {
    const more = bytes - this.#linesBytes;
    if (more <= 0) return undefined;
    this.#linesBytes = bytes;
    if (bytes > bodyBytes + growthBytesMax) return this.#growth.take(more, this);
    const refusal = this.take(more);
    if (refusal !== undefined) throw refusal;
    return undefined;
  }

  /** Takes more bytes, or returns the reason why it cannot. */
  take(bytes: number): AppError | undefined {
    const refusal = this.#take(bytes);
    if (refusal === undefined) this.#bytes += bytes;
    return refusal;
  }

  evict(): void {
    if (this.onEvicted === undefined) return;
    this.onEvicted(overloaded());
    this.release();
  }

  /** Gives everything back. Idempotent. */
  release(): void {
    const bytes = this.#bytes;
    this.#bytes = 0;
    this.onEvicted = undefined;
    this.#growth.release();
    this.#give(bytes);
  }
}

/** Sums of bytes by name; a name whose sum is 0 is forgotten. */
class Tally {
  readonly #bytes = new Map<string, number>();

  of(name: string): number {
    return this.#bytes.get(name) ?? 0;
  }

  add(name: string, bytes: number): void {
    const sum = this.of(name) + bytes;
    if (sum === 0) this.#bytes.delete(name);
    else this.#bytes.set(name, sum);
  }
}
