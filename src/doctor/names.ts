/** Checks names: this machine's name servers, which drains depend on, and the names in the settings. */
import { getServers, lookup, Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { Config } from "../config.ts";
import { type Finding, ill, warning, well } from "./finding.ts";

const answerMsMax = 2_000;

export async function lookAtNames(
  { publicUrl, ingestUrl, nats }: Pick<Config, "publicUrl" | "ingestUrl" | "nats">,
  servers: readonly string[] = getServers(),
): Promise<readonly Finding[]> {
  const urls = [publicUrl, ingestUrl, ...(nats ?? [])].filter((url) => url !== undefined);
  const hosts = new Set(urls.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, "")));
  const named = [...hosts].filter((host) => host !== "" && isIP(host) === 0);
  return Promise.all([...servers.map(lookAtServer), ...named.map(lookAtName)]);
}

/** Any answer will do, even a refusal: it shows that the server is there. */
async function lookAtServer(server: string): Promise<Finding> {
  const resolver = new Resolver({ timeout: answerMsMax, tries: 1 });
  resolver.setServers([server]);
  const startMs = performance.now();
  try {
    await resolver.resolveNs(".");
  } catch (failure) {
    const { code } = failure as NodeJS.ErrnoException;
    if (code === "ETIMEOUT" || code === "ECONNREFUSED")
      return warning(
        "dns",
        `the name server ${server} does not answer`,
        "Check /etc/resolv.conf: drains to names wait for it.",
      );
  }
  return well("dns", `the name server ${server} answers (${Math.round(performance.now() - startMs)} ms)`);
}

async function lookAtName(host: string): Promise<Finding> {
  try {
    const { address } = await lookup(host);
    return well("dns", `${host} is ${address}`);
  } catch {
    return ill("dns", `${host} has no address`, "Check the URL in the settings, and the name servers.");
  }
}
