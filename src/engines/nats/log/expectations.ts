/**
 * Knows the streams whose servers enforce an expected sequence, so that of several writers that name the same message
 * as the last, only one is acknowledged. On other servers, each acknowledgement needs a look at what came before it
 * (decision 002). A stream's leader tells its version; a new leader is asked again, and until it has answered,
 * appends take that look.
 */
import type { Clock } from "../../../ports.ts";
import type { StreamApi } from "../wire/stream-api.ts";
import type { Wire } from "../wire/wire.ts";

/** `bench/nats-chaos.ts` found no loss without the look. */
const soundFrom = [2, 15];
/** How soon to ask a leader again that could not be asked. */
const askAgainMs = 1_000;
const versionField = "_nats.ver";
export const electionSubject = "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.";

type Leader = { isSound: boolean; askedAtMs: number };

export class Expectations {
  readonly #api: StreamApi;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #leaders = new Map<string, Leader>();
  readonly #ends: readonly (() => void)[];

  constructor(wire: Wire, api: StreamApi, clock: Pick<Clock, "monotonicMs">) {
    this.#api = api;
    this.#clock = clock;
    this.#ends = [
      wire.onReconnect(() => this.#leaders.clear()),
      wire.subscribe(`${electionSubject}*`, ({ subject }) => {
        this.#leaders.delete(subject.slice(electionSubject.length));
      }),
    ];
  }

  /** As far as is known; what is not known is asked for in the background. */
  areEnforced(stream: string): boolean {
    const known = this.#leaders.get(stream);
    if (known?.isSound) return true;
    const nowMs = this.#clock.monotonicMs();
    if (known === undefined || nowMs - known.askedAtMs >= askAgainMs) void this.#ask(stream, nowMs);
    return false;
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  // An answer that arrives after an election belongs to the previous leader and is ignored.
  async #ask(stream: string, askedAtMs: number): Promise<void> {
    const leader: Leader = { isSound: false, askedAtMs };
    this.#leaders.set(stream, leader);
    type Info = { config: { metadata?: Readonly<Record<string, string>> } };
    const info = await this.#api.json<Info>(`STREAM.INFO.${stream}`, {}).catch(() => undefined);
    leader.isSound = isSound(info?.config.metadata?.[versionField]);
  }
}

/** Servers before 2.11 do not tell their version there. */
function isSound(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  return major > soundFrom[0]! || (major === soundFrom[0] && minor >= soundFrom[1]!);
}
