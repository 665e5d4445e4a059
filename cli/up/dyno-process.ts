/** The process of a dyno: `bash -c COMMAND`, and whether it accepts connections yet. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { ChildGroup, type ChildOptions } from "../local/child-group.ts";
import type { UpClock } from "./clock.ts";
import type { DynoLimits } from "./limits.ts";

export type Address = { readonly host: string; readonly port: number };

/** The outcome of the start; `late` if a web process did not bind its port in time. */
export type Boot = "up" | "late" | "ended";

export type DynoProcess = {
  /** The number of the process and of its group. */
  readonly pid: number | undefined;
  /** The address where a web process listens, once it does. */
  readonly address: Address | undefined;
  readonly booted: Promise<Boot>;
  /** Resolves to the exit status when the whole group has ended and its output has been passed on. */
  readonly ended: Promise<number>;
  kill(signal: NodeJS.Signals): void;
};

type Options = Pick<ChildOptions, "environment" | "folder" | "onOutput"> & {
  readonly command: string;
  /** No more output will come; the process has ended when all of it has been passed on. */
  readonly onOutputEnd: () => Promise<void> | undefined;
  /** The port of a web process. */
  readonly port?: number;
  readonly clock: UpClock;
  readonly limits: Pick<DynoLimits, "bootMsMax" | "bootLookMs">;
};

/** As on Heroku; other shells stay as a process between `up` and a simple command. */
export const shell = existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh";

/** Both loopback addresses: a program that listens on `localhost` may use either. */
const hosts = ["127.0.0.1", "::1"] as const;

export function startProcess({
  command,
  port,
  onOutputEnd,
  clock,
  limits,
  ...options
}: Options): DynoProcess {
  const group = new ChildGroup({
    ...options,
    command: shell,
    args: ["-c", command],
    stdin: "ignore",
    endsTogether: true,
  });
  let address: Address | undefined;
  const ended = new AbortController();
  const allEnded = group.ended.finally(() => {
    ended.abort();
    return onOutputEnd();
  });
  allEnded.catch(() => {}); // whoever awaits it gets the error

  const boot = async (): Promise<Boot> => {
    try {
      await group.started;
    } catch {
      return "ended";
    }
    if (port === undefined) return "up";
    const endMs = clock.monotonicMs() + limits.bootMsMax;
    for (let waitMs = limits.bootLookMs.first; ; waitMs = Math.min(limits.bootLookMs.last, waitMs * 1.5)) {
      address = await listening(port);
      if (ended.signal.aborted) return "ended";
      if (address !== undefined) return "up";
      if (clock.monotonicMs() >= endMs) return "late";
      await clock.sleep(waitMs, ended.signal);
    }
  };

  return {
    get pid() {
      return group.pid;
    },
    get address() {
      return address;
    },
    booted: boot(),
    ended: allEnded,
    kill: (signal) => group.kill(signal),
  };
}

/** The address where something listens on the port, if anything does. */
async function listening(port: number): Promise<Address | undefined> {
  for (const host of hosts) if (await takesConnections({ host, port })) return { host, port };
  return undefined;
}

function takesConnections(address: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    const settle = (takes: boolean) => {
      socket.destroy();
      resolve(takes);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}

/** A port on which nobody listens at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("there is no free port");
  return address.port;
}
