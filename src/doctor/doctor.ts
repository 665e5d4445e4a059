/** Checks everything that a server needs, before it runs or while it does, and changes nothing. */
import { realClock } from "../clock.ts";
import type { Config } from "../config.ts";
import { lookAtCertificate } from "./certificates.ts";
import { lookAtDisk } from "./disk.ts";
import type { Finding } from "./finding.ts";
import { lookAtListeners } from "./listeners.ts";
import { lookAtClock, lookAtFiles } from "./machine.ts";
import { lookAtNames } from "./names.ts";
import { lookAtNats } from "./nats.ts";

/** All findings for a server with these settings. Each check is bounded to a few seconds. */
export async function examine(config: Config): Promise<readonly Finding[]> {
  const nowMs = () => realClock.nowMs();
  const found = await Promise.all([
    lookAtListeners(config),
    lookAtDisk(config),
    lookAtClock().then((finding) => [finding]),
    [lookAtFiles()],
    lookAtCertificate(config, nowMs()),
    lookAtNames(config),
    lookAtNats(config, nowMs),
  ]);
  return found.flat();
}
