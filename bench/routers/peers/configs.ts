/** Configurations that give each app a drain of its own, with flow control from end to end: nothing is dropped. */
import type { Way } from "../job.ts";

type Peer = { readonly port: number; readonly drainPort: number; readonly names: readonly string[] };

export function rsyslogConf({ folder, port, drainPort, names }: Peer & { readonly folder: string }): string {
  const rulesets = names.map(
    (name) =>
      `ruleset(name="d-${name}") { action(type="omfwd" target="127.0.0.1" port="${drainPort}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format") }`,
  );
  const lines = [
    `global(workDirectory="${folder}" maxMessageSize="64k")`,
    'module(load="imtcp" MaxSessions="5000")',
    ...rulesets,
    'ruleset(name="in" queue.type="FixedArray" queue.size="50000" queue.timeoutEnqueue="60000" queue.dequeueBatchSize="1024" queue.workerThreads="1") {',
    '  call_indirect "d-" & $app-name;',
    "}",
    `input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="in" SupportOctetCountedFraming="on")`,
  ];
  return `${lines.join("\n")}\n`;
}

/** The windows of all senders together fit the destination's queue. */
export function syslogNgConf({
  version,
  out,
  port,
  drainPort,
  names,
}: Peer & { readonly version: string; readonly out: Way }): string {
  const destinations = names.map((name, at) =>
    out === "tcp"
      ? `destination d${at} { syslog("127.0.0.1" port(${drainPort}) transport("tcp") persist-name("t${at}") log-fifo-size(100000)); };`
      : `destination d${at} { http(url("http://127.0.0.1:${drainPort}/${name}") method("POST") headers("Content-Type: application/logplex-1") batch-lines(100) batch-timeout(50) workers(1) persist-name("h${at}") log-fifo-size(100000) body("<$PRI>1 $ISODATE $HOST $PROGRAM $PID - - $MSG") delimiter("\\n")); };`,
  );
  const choices = names.map(
    (name, at) =>
      `  ${at === 0 ? "if" : "elif"} { filter { program("${name}" type(string)) }; destination(d${at}); }${at === names.length - 1 ? ";" : ""}`,
  );
  const lines = [
    `@version: ${version}`,
    "options { keep-hostname(yes); use-dns(no); dns-cache(no); chain-hostnames(no); stats-freq(0); threaded(yes); log-msg-size(65536); time-reopen(1); };",
    `source s { syslog(ip("127.0.0.1") port(${port}) transport("tcp") max-connections(1000) log-iw-size(1000000) log-fetch-limit(1000)); };`,
    ...destinations,
    "log { source(s);",
    ...choices,
    "  flags(flow-control); };",
  ];
  return `${lines.join("\n")}\n`;
}
