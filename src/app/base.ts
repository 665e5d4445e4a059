/** The parts that everything else in a server builds on; `app.ts` opens them first. */
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
  /** `bound`, or less if the part's share of open files is smaller. */
  readonly within: (part: FilesPart, bound: number) => number;
};
