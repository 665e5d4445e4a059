/** A format of request bodies is pure, bytes in and bytes out. One small module each; `all-formats.ts` lists them. */
import type { Steps } from "../../../core/scheduling/steps.ts";
import type { Slice } from "../../../ports.ts";
import type { Answer } from "../http/answer.ts";

/** Context that a body holds besides its lines. */
export type BodyContext = {
  readonly drainToken: string;
  readonly appId: string;
  /** Absent where nobody knows it. */
  readonly appName?: string | undefined;
  /** For lines whose own time cannot be read, where a format needs one. */
  readonly nowMs: number;
};

export type Body = Uint8Array | readonly Uint8Array[];

export type BodyFormat = {
  readonly contentType: string;
  /** The body, in pieces where these lie apart in memory: what is stored is sent without a copy. */
  write(slices: readonly Slice[], context: BodyContext): Steps<Body>;
  /** Lines that a 2xx answer says were refused all the same; absent where the protocol has no such answer. */
  readonly rejected?: (answer: Pick<Answer, "contentType" | "body" | "isCut">) => Rejected | undefined;
};

/** Lines that a receiver refused one by one, and what it said of them. */
export type Rejected = {
  /** Undefined when the answer did not come far enough to tell. */
  readonly lines: number | undefined;
  readonly said: string;
  /** `said` goes on. */
  readonly isCut: boolean;
};

/** The name of the lines' app, where a service has a name. */
export const serviceOf = ({ appName, appId }: BodyContext): string => appName ?? appId;
