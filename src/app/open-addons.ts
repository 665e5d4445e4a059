/** Opens add-ons: their manifests, their providers, and what a crash left half made. A part of `app.ts`. */
import { Addons } from "../addons/addons.ts";
import { readManifests } from "../addons/manifest.ts";
import { OverdueAddons } from "../addons/overdue.ts";
import { Provider } from "../addons/provider.ts";
import type { PlatformParts } from "../control/platform/platform-parts.ts";
import { NameFiles } from "../drains/name-files.ts";
import { nameResolver } from "../drains/name-resolver.ts";
import type { AppError } from "../errors/app-error.ts";
import { lookupLimits } from "../limits.ts";
import type { Apps } from "../registry/apps.ts";
import type { Drains } from "../registry/drains.ts";
import type { Tokens } from "../registry/tokens.ts";
import type { Base } from "./base.ts";
import type { Places } from "./open-drains.ts";

type Parts = Pick<Places, "policy"> & {
  readonly apps: Apps;
  readonly drains: Drains;
  readonly tokens: Tokens;
  readonly platform: PlatformParts;
};

export function openAddons(
  { config, store, clock, logger, has, scope, failures }: Base,
  { policy, apps, drains, tokens, platform }: Parts,
): Addons {
  const resolve = nameResolver({ ...lookupLimits, files: new NameFiles() });
  const onFailure = (service: string, call: string, { code, message, cause }: AppError) => {
    const level = code === "ADDON_REFUSED" ? "info" : "warn"; // owners ask for what there is not
    logger[level]({ service, call, reason: message, err: cause }, "a call to an add-on's provider failed");
  };
  const provider = new Provider({ policy, resolve, clock, onFailure });
  const manifests = readManifests(config.addons);
  for (const { id, unknownRequires } of manifests.values())
    if (unknownRequires.length > 0)
      logger.warn(
        { service: id, requires: unknownRequires },
        "a manifest requires what is not given here, which is ignored: known are syslog_drain and log_input",
      );
  const addons = new Addons({ store, clock, drains, tokens, ...platform, provider, manifests });
  if (has("control")) {
    scope.own("overdue add-ons", new OverdueAddons({ store, clock, addons, failures }));
    void addons.undoHalfMade().catch((err: unknown) => {
      logger.warn({ err }, "add-ons that are half made could not be undone; the next start tries again");
    });
  }
  apps.beforeDestroying = (id, user) => addons.destroyAll(id, user);
  return addons;
}
