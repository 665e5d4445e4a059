/** Opens this node's syslog listeners, with what they share and the files that they read again on SIGHUP. */
import { type AddressInfo, isIPv6 } from "node:net";
import { createSecureContext } from "node:tls";
import type { Config } from "../config.ts";
import { clientTokensUnusable, tlsUnusable } from "../errors/start.ts";
import { readWhole } from "../files/whole-file.ts";
import { readCertificate } from "../http/certificate.ts";
import type { StreamListener } from "../ingest/connections/stream-listener.ts";
import type { TlsFiles } from "../ingest/connections/tls-handshakes.ts";
import { relpListener } from "../ingest/relp/relp.ts";
import type { RelpOptions } from "../ingest/relp/relp-connection.ts";
import { ClientTokens, readClientTokens } from "../ingest/syslog/client-tokens.ts";
import { type SyslogOptions, syslogListener, syslogRoom } from "../ingest/syslog/syslog.ts";
import { type UdpOptions, udpListener } from "../ingest/syslog/syslog-udp.ts";
import type { Scope } from "../lifecycle.ts";
import type { Address } from "../setting-parsers.ts";
import { listenFailure, type SyslogFlag } from "../sockets/listen-failure.ts";

/** The addresses of the listeners, as `HOST:PORT`, and a way to read the files again. */
type SyslogDoors = {
  readonly addresses: Readonly<Partial<Record<SyslogFlag, string>>>;
  /** The files that were read; rejects if one cannot be used, and then nothing changes. */
  reload(): Promise<readonly string[]>;
};

export async function openSyslogDoors(
  config: Config,
  options: Omit<UdpOptions & RelpOptions, "host" | "port" | "clientTokens">,
  { scope, listens }: { readonly scope: Scope; readonly listens: (at: Address) => void },
): Promise<SyslogDoors> {
  const clientTokens = new ClientTokens();
  const { syslogDefaultToken: defaultToken } = config;
  const shared = { ...options, clientTokens, ...(defaultToken !== undefined && { defaultToken }) };
  const room = syslogRoom({ ...shared, host: "", port: 0 });
  const addresses: Partial<Record<SyslogFlag, string>> = {};
  const streams: StreamListener[] = [];
  const open = async <Door extends { readonly address: AddressInfo; close(): Promise<void> }>(
    flag: SyslogFlag,
    at: Address | "off" | undefined,
    listen: (options: SyslogOptions) => Promise<Door>,
  ): Promise<Door | undefined> => {
    if (at === undefined || at === "off") return undefined;
    const door = await listen({ ...shared, ...at }).catch((cause: unknown) => {
      throw listenFailure(flag, at, cause);
    });
    scope.own(flag.slice(2), door);
    const { address, port } = door.address;
    listens({ host: address, port });
    addresses[flag] = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
    return door;
  };
  const openStream = async (...of: Parameters<typeof open<StreamListener>>) => {
    const door = await open<StreamListener>(...of);
    if (door !== undefined) streams.push(door);
  };

  const usesTls = config.syslogTls !== undefined || config.relp !== undefined;
  const files = await readFiles(config, usesTls);
  clientTokens.set(files.tokens);
  const { tls } = files;
  await openStream("--syslog", config.syslog, (at) => syslogListener(at, room));
  await openStream("--syslog-tls", config.syslogTls, (at) => syslogListener({ ...at, tls }, room));
  await openStream("--relp", config.relp, (at) => relpListener({ ...shared, ...at, tls }, room));
  await open("--syslog-udp", config.syslogUdp, (at) => udpListener({ ...shared, ...at }));
  return {
    addresses,
    async reload() {
      const again = await readFiles(config, usesTls);
      clientTokens.set(again.tokens);
      for (const stream of streams) if (again.tls !== undefined) stream.setTls(again.tls);
      return [config.tlsClientCa, config.tlsClientTokens].filter((file) => file !== undefined);
    },
  };
}

async function readFiles(
  { tlsCert, tlsKey, tlsClientCa, tlsClientTokens }: Config,
  usesTls: boolean,
): Promise<{ readonly tls: TlsFiles | undefined; readonly tokens: ReadonlyMap<string, string> }> {
  const tokens = tlsClientTokens === undefined ? new Map<string, string>() : await tokensIn(tlsClientTokens);
  if (!usesTls || tlsCert === undefined) return { tls: undefined, tokens };
  const certificate = await readCertificate(tlsCert, tlsKey!);
  if (tlsClientCa === undefined) return { tls: certificate, tokens };
  const clientCa = readWhole(tlsClientCa);
  try {
    if (!clientCa.includes("-----BEGIN ")) throw new Error("it holds no PEM certificate");
    createSecureContext({ ca: clientCa });
  } catch (cause) {
    throw tlsUnusable(`--tls-client-ca ${tlsClientCa} is refused (${(cause as Error).message})`, cause);
  }
  return { tls: { ...certificate, clientCa }, tokens };
}

async function tokensIn(file: string): Promise<ReadonlyMap<string, string>> {
  const read = readClientTokens(readWhole(file).toString());
  if ("badLine" in read) throw clientTokensUnusable(file, read.badLine);
  return read.tokens;
}
