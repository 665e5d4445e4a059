/** A real nginx, with a configuration of the test's for what is inside of `server { … }`, or for all of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closedPort } from "./raw-peer.ts";
import { until } from "./until.ts";

export const nginxBinary = process.env.NGINX || (existsSync("/usr/sbin/nginx") ? "/usr/sbin/nginx" : "nginx");

export type Nginx = { readonly url: string; close(): Promise<void> };

export const openNginx = async (server: string): Promise<Nginx> => {
  const port = await closedPort();
  return openNginxServers(port, `server {\n    listen 127.0.0.1:${port};\n    ${server}\n  }`);
};

/** The same with whole blocks `server { … }`, one of which listens on that port. */
export async function openNginxServers(port: number, servers: string): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-nginx-"));
  await writeFile(join(folder, "nginx.conf"), configOf(folder, servers));
  let said = "";
  const child = spawn(nginxBinary, ["-p", folder, "-c", "nginx.conf", "-e", join(folder, "error.log")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr.on("data", (data) => (said += data));
  let ended: string | undefined;
  child.once("error", (cause) => (ended = cause.message));
  child.once("exit", (code) => (ended ??= `it ended with ${code}`));
  try {
    await until(async () => {
      if (ended !== undefined) throw new Error(`no nginx: ${ended} ${said}`);
      return isListening(port);
    });
  } catch (failure) {
    await end(child, folder);
    throw failure;
  }
  return { url: `http://127.0.0.1:${port}/`, close: () => end(child, folder) };
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.pid !== undefined) {
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
  }
  await rm(folder, { recursive: true, force: true });
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.once("connect", () => socket.destroy());
    socket.once("error", () => resolve(false));
  });

const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/** For the http block: what nginx writes aside goes into `folder`, not into the system's. */
export const ownTemporaryFolders = (folder: string): string =>
  temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ");

const configOf = (folder: string, servers: string): string => `
daemon off;
worker_processes 1;
pid ${folder}/pid;
${process.getuid?.() === 0 ? "user root;" : ""}
events { worker_connections 64; }
http {
  access_log off;
  ${ownTemporaryFolders(folder)}
  ${servers}
}
`;
