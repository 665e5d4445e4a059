/** A format of request bodies is pure: bytes in, bytes out. Each has a small module; `all-formats.ts` lists them. */
import type { Steps } from "../../../core/scheduling/steps.ts";
import type { Slice } from "../../../ports.ts";
import type { Answer } from "../http/answer.ts";

/** The contents of a body besides its lines. */
export type BodyContext = {
  readonly drainToken: string;
  readonly appId: string;
  /** Absent when it is not known. */
  readonly appName?: string | undefined;
  /** Used for lines whose own time cannot be read, if a format needs one. */
  readonly nowMs: number;
};

export type Body = Uint8Array | readonly Uint8Array[];

export type BodyFormat = {
  readonly contentType: string;
  /** The body, in pieces if they lie apart in memory: what is stored is sent without a copy. */
  write(slices: readonly Slice[], context: BodyContext): Steps<Body>;
  /** Lines that were refused although the answer is a 2xx; absent if the protocol has no such answer. */
  readonly rejected?: (answer: Pick<Answer, "contentType" | "body" | "isCut">) => Rejected | undefined;
};

/** Lines that a receiver refused individually, and what it said about them. */
export type Rejected = {
  /** Undefined when the answer was cut before the number. */
  readonly lines: number | undefined;
  readonly said: string;
  /** True when `said` is only the beginning. */
  readonly isCut: boolean;
};

/** The name of the lines' app, for formats in which a service has a name. */
export const serviceOf = ({ appName, appId }: BodyContext): string => appName ?? appId;
