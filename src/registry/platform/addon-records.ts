/** The add-ons of an app. */
import type { DrainId } from "../../core/ids.ts";

export type AddonRecord = {
  /** Also the provider's uuid for it. */
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly plan: string;
  /** `asked`: the provider was asked and has not answered yet; a crash leaves it so, and it is undone. */
  readonly state: "asked" | "provisioning" | "provisioned" | "deprovisioning";
  readonly providerId?: string;
  readonly message?: string;
  /** Config vars that are its own. */
  readonly configVars: readonly string[];
  readonly drain?: DrainId;
  /** The ingest token that the provider writes with. */
  readonly token?: string;
  /** The provider's OAuth (`addons/grants.ts`), by hash: its code until it is used, its access tokens, its refresh token. */
  readonly grant?: Held;
  readonly access?: readonly Held[];
  readonly refreshHash?: string;
  readonly atMs: number;
  readonly createdAt: string;
  readonly updatedAt: string;
};

/** A secret that is good until then. */
type Held = { readonly hash: string; readonly untilMs: number };

/** At `addons/CHANNEL`. */
export type AddonsRecord = { readonly addons: readonly AddonRecord[] };
