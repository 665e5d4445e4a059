/**
 * Reports to the operator what senders do wrong. A syslog sender gets no answer, so the lines of a misconfigured one
 * would vanish without a trace. Every fault is counted by its cause; each peer causes at most one warning a minute,
 * with all its faults since the last. The numbers of peers and of warnings are bounded, so that an attacker with very
 * many addresses fills neither the memory nor the log.
 */
import type { Logger } from "pino";
import { addressGroup } from "../../core/address-group.ts";
import { senderFaults } from "../../metrics.ts";
import type { Clock } from "../../ports.ts";
import { type Cause, causes } from "./fault-causes.ts";

type FaultsOptions = {
  readonly logger: Pick<Logger, "warn">;
  readonly clock: Clock;
  /** Peers remembered within a minute; faults of further peers are counted together. */
  readonly peersMax: number;
  /** Warnings in a minute. */
  readonly warningsMax: number;
  readonly everyMs: number;
  /** Called with each fault that is remembered for a peer. */
  readonly failed?: (address: string | undefined, cause: Cause, sample: string | undefined) => void;
};

/** Faults of one cause that were not reported yet. */
type Unlogged = { count: number; readonly sample: string | undefined };
type Peer = { readonly unlogged: Map<Cause, Unlogged>; isLogged: boolean };

export class SenderFaults {
  readonly #options: FaultsOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #stop = new AbortController();
  readonly #turning: Promise<void>;
  #warnings = 0;
  #others = 0;

  constructor(options: FaultsOptions) {
    this.#options = options;
    this.#turning = this.#turn();
  }

  /**
   * `sample` returns the first bytes of the faulty data, without secrets; it is called only when they may be
   * reported.
   */
  note(address: string | undefined, cause: Cause, count = 1, sample?: () => string): void {
    if (count === 0) return;
    senderFaults.inc({ cause }, count);
    const name = addressGroup(address);
    const peer = this.#peers.get(name) ?? this.#meet(name);
    if (peer === undefined) {
      this.#others += count;
      return;
    }
    const unlogged = peer.unlogged.get(cause);
    if (unlogged === undefined) {
      const first = sample?.();
      peer.unlogged.set(cause, { count, sample: first });
      this.#options.failed?.(address, cause, first);
    } else unlogged.count += count;
    if (!peer.isLogged) this.#tell(name, peer);
  }

  /** Idempotent. Reports what is left. */
  close(): Promise<void> {
    this.#stop.abort();
    return this.#turning;
  }

  #meet(name: string): Peer | undefined {
    if (this.#peers.size >= this.#options.peersMax) return undefined;
    const peer: Peer = { unlogged: new Map(), isLogged: false };
    this.#peers.set(name, peer);
    return peer;
  }

  async #turn(): Promise<void> {
    const { clock, everyMs } = this.#options;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(everyMs, this.#stop.signal);
      this.#tellAll();
    }
  }

  // A new minute: peers without a fault in the last one are forgotten.
  #tellAll(): void {
    this.#warnings = 0;
    for (const [name, peer] of this.#peers) {
      if (peer.unlogged.size > 0) this.#tell(name, peer);
      else this.#peers.delete(name);
    }
    if (this.#others === 0) return;
    this.#options.logger.warn({ count: this.#others }, "more senders than are told apart do something wrong");
    this.#others = 0;
  }

  #tell(name: string, peer: Peer): void {
    if (this.#warnings >= this.#options.warningsMax) return;
    this.#warnings++;
    peer.isLogged = true;
    const faults = [...peer.unlogged].map(([cause, { count, sample }]) => ({
      cause,
      count,
      ...(sample !== undefined && { firstBytes: sample }),
      mend: causes[cause].mend,
    }));
    const [first] = peer.unlogged.keys();
    this.#options.logger.warn({ peer: name, faults }, causes[first!].what);
    peer.unlogged.clear();
  }
}
