import { listenAddress, listenForbidden, listenInUse } from "../errors/start.ts";

/** A listener of syslog, by its flag. */
export type SyslogFlag = "--syslog" | "--syslog-tls" | "--syslog-udp" | "--relp";

/**
 * The reason why the server cannot listen at the address of `option`; `cause` itself if another address would not
 * help.
 */
export function listenFailure(
  option: "--http" | "--admin" | SyslogFlag,
  { host, port }: { readonly host: string; readonly port: number },
  cause: unknown,
): unknown {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  switch ((cause as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return listenInUse(option, address, cause);
    case "EADDRNOTAVAIL":
    case "EAFNOSUPPORT":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return listenAddress(option, host, cause);
    case "EACCES":
    case "EPERM":
      return listenForbidden(option, address, cause);
    default:
      return cause;
  }
}
