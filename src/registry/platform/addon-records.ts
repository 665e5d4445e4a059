/** The add-ons of an app. */
import type { ChannelId, DrainId } from "../../core/ids.ts";

export type AddonRecord = {
  /** The provider uses it as the uuid of the add-on. */
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly plan: string;
  /**
   * `asked`: the provider was asked and has not answered yet. A crash leaves this state, and the add-on is then undone.
   * `deprovisioning`: it did not become ready in time, and is being removed since `updatedAt`.
   */
  readonly state: "asked" | "provisioning" | "provisioned" | "deprovisioning";
  readonly providerId?: string;
  readonly message?: string;
  /** Config vars that belong to it. */
  readonly configVars: readonly string[];
  readonly drain?: DrainId;
  /** The ingest token that the provider writes with. */
  readonly token?: string;
  /**
   * The provider's OAuth (`addons/grants.ts`), as hashes: its code until it is used, its access tokens, its refresh
   * token.
   */
  readonly grant?: Held;
  readonly access?: readonly Held[];
  readonly refreshHash?: string;
  readonly atMs: number;
  readonly createdAt: string;
  readonly updatedAt: string;
};

/** A secret and when it expires. */
type Held = { readonly hash: string; readonly untilMs: number };

/** At `addons/CHANNEL`. */
export type AddonsRecord = { readonly addons: readonly AddonRecord[] };

/** At `addon-name/NAME`: the add-on that has the name; `atMs`: it was claimed then, and the add-on may not be written yet. */
export type AddonNameRecord = { readonly channel: ChannelId; readonly id: string; readonly atMs?: number };
