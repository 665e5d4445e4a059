/** The parts that everything else in a server is built on; `app.ts` opens them first. */
import type { Logger } from "pino";
import type { BackgroundFailures } from "../background-failures.ts";
import type { Config, Role } from "../config.ts";
import type { FilesPart } from "../files/open-files.ts";
import type { Scope } from "../lifecycle.ts";
import type { ChannelLog, Clock, Store } from "../ports.ts";

export type Base = {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scope: Scope;
  readonly failures: BackgroundFailures;
  readonly log: ChannelLog;
  readonly store: Store;
  readonly has: (role: Role) => boolean;
  /** `bound`, or what a part's share of the open files allows. */
  readonly within: (part: FilesPart, bound: number) => number;
};
