/** Makes the canary that `--canary` asks for. A part of `app.ts`. */

import { Canary, type CanaryParts, echoSecret } from "../canary/canary.ts";
import { echoPath } from "../canary/echo-http.ts";
import type { OwnEndpoints } from "../drains/own-endpoints.ts";
import { canaryLimits } from "../limits.ts";
import type { Base } from "./base.ts";

/**
 * Undefined without the setting. `echo` is for its route; `start` is called once the server listens at `url`. A node
 * without the role `control` sends nothing: it only knows the one address of this server to which a drain may lead.
 */
export function makeCanary(
  { config, scope, log, clock, logger, has }: Base,
  { apps, tokens, drains }: Pick<CanaryParts, "apps" | "tokens" | "drains">,
  shared: Buffer,
) {
  if (config.canary === undefined) return undefined;
  const parts = { apps, tokens, drains, log, clock, logger, everyMs: config.canary, limits: canaryLimits };
  const canary = scope.own("the canary", new Canary(parts));
  const secret = echoSecret(shared);
  const came: Canary["came"] = (way, text) => canary.came(way, text);
  return {
    echo: has("control") ? { secret, came } : undefined,
    async start(url: string, own: OwnEndpoints): Promise<void> {
      const publicUrl = config.publicUrl ?? url;
      const echoUrl = `${publicUrl.replace(/\/$/, "")}${echoPath}/${secret}`;
      own.excepts(echoUrl);
      if (has("control")) await canary.start(echoUrl, config.ingestUrl ?? publicUrl);
    },
  };
}
