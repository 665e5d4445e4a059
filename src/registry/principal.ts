/** The one who makes a request, and what their key may see and change. */
import type { ChannelId } from "../core/ids.ts";

export type Principal = {
  /** The UUID of the key. */
  readonly keyId: string;
  readonly apps: "all" | ReadonlySet<ChannelId>;
  readonly readOnly: boolean;
};

/** True if they may know that the app exists, and read it. */
export const maySee = (principal: Principal, channel: ChannelId): boolean =>
  principal.apps === "all" || principal.apps.has(channel);
