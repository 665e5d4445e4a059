/** What docs/operating.md says of files that were removed under a running server: they are saved from it. */
import { readdirSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scriptOf } from "../support/manual-blocks.ts";
import { Reader } from "../support/reader.ts";
import { TestServer, testKey } from "../support/server.ts";

/** Removed files that a process has open: their names, and the numbers under which it has them. */
const removedFilesOf = (pid: number): readonly { readonly name: string; readonly fd: string }[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const name = readlinkSync(`/proc/${pid}/fd/${fd}`);
    return name.endsWith(" (deleted)") ? [{ name: name.replace(/ \(deleted\)$/, ""), fd }] : [];
  });

test("a folder that was removed under the server is saved, and a server on it has every line", async () => {
  const server = await TestServer.start();
  const reader = new Reader(server.url);
  try {
    await reader.run("tailrace apps:create shop; printf 'one\\ntwo\\n' | tailrace ship -a shop --dyno web.1");
    for (const name of readdirSync(server.data)) rmSync(join(server.data, name), { recursive: true });
    const removed = removedFilesOf(server.pid);
    const fdOf = (end: string) => removed.find(({ name }) => name.endsWith(end))!.fd;
    const segment = removed.find(({ name }) => /\/journal\/\d+\.log$/.test(name))!;
    const script = scriptOf("docs/operating.md", "saved", {
      "/proc/PID": `/proc/${server.pid}`,
      "fd/N": `fd/${fdOf("/data.mdb")}`,
      "fd/M": `fd/${segment.fd}`,
      "0000000001.log": segment.name.split("/").at(-1)!,
    });
    const { status, stdout, stderr } = await reader.run(script);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.trimEnd().split("\n")).toHaveLength(removed.length);

    await server.kill("SIGTERM");
    const saved = new Reader(undefined, { TAILRACE_API_KEY: testKey });
    try {
      const serve = `tailrace serve --http 127.0.0.1:0 --syslog off --data '${reader.folder}/saved'`;
      const shown = await saved.runUntil(
        `coproc server { ${serve}; }
read -r -u "\${server[0]}" line; while [[ $line != *'"msg":"listening"'* ]]; do read -r -u "\${server[0]}" line; done
export TAILRACE_URL=$(sed 's/.*"http":"\\([^"]*\\)".*/\\1/' <<< "$line")
tailrace logs -a shop; echo "that is all"; sleep 600`,
        /that is all/,
      );
      expect(shown).toMatch(/app\[web\.1\]: one\n.*app\[web\.1\]: two\n/);
    } finally {
      await saved.close();
    }
  } finally {
    await reader.close();
    await server.destroy();
  }
});
