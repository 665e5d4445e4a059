/** What docs/service.md has an operator put on a machine: its files work; only systemd itself is left out. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { blockOf, scriptOf } from "../support/manual-blocks.ts";
import { freePorts } from "../support/nats.ts";
import { openNginxServers } from "../support/nginx.ts";
import { Reader } from "../support/reader.ts";
import { pemFile } from "../support/sender-world.ts";
import { TestServer } from "../support/server.ts";
import { readText } from "../support/sources.ts";

let reader: Reader;
beforeEach(() => {
  reader = new Reader(undefined);
});
afterEach(() => reader.close());

test("the unit's command listens as the page's environment file says, and keeps everything in its folder", async () => {
  const [port] = await freePorts(1);
  const files = {
    "/etc/tailrace.env": `${reader.folder}/tailrace.env`,
    "127.0.0.1:8601": `127.0.0.1:${port}`,
  };
  expect(await reader.run(scriptOf("docs/service.md", "unit", files))).toMatchObject({
    status: 0,
    stderr: "",
  });
  expect(statSync(join(reader.folder, "tailrace.env")).mode & 0o777).toBe(0o600);

  const data = join(reader.folder, "data");
  mkdirSync(data, { mode: 0o700 });
  const [, command] = /^ExecStart=\/usr\/bin\/env (.*)$/m.exec(
    readText("examples/systemd/tailrace.service"),
  )!;
  const script = `set -a; . ./tailrace.env; TAILRACE_SYSLOG=off; set +a
${command!.replace("/var/lib/tailrace", data)}`;
  const shown = await reader.runUntil(script, /"msg":"listening"/);
  expect(shown).toContain(`"http":"http://127.0.0.1:${port}"`);
  expect(shown).not.toContain('"level":"error"');
  expect(statSync(join(data, "api-key")).mode & 0o777).toBe(0o600);
});

test("nginx in front, as the page has it: lines in, tails as they come, the page, and no figures", async () => {
  const [port = 0] = await freePorts(1);
  const url = `https://localhost:${port}`;
  const server = await TestServer.start(["--public-url", url]);
  const nginx = await openNginxServers(
    port,
    scriptOf("docs/service.md", "nginx", {
      "listen 443 ssl": `listen 127.0.0.1:${port} ssl`,
      "/etc/letsencrypt/live/logs.example.com/fullchain.pem": pemFile("server"),
      "/etc/letsencrypt/live/logs.example.com/privkey.pem": pemFile("server-key"),
      "http://127.0.0.1:8601": server.url,
    }),
  );
  const client = new Reader(url, { NODE_EXTRA_CA_CERTS: pemFile("ca"), CURL_CA_BUNDLE: pemFile("ca") });
  try {
    const ship = (line: string) => client.run(`echo ${line} | tailrace ship -a shop --dyno web.1`);
    expect(await client.run("tailrace apps:create shop")).toMatchObject({ status: 0 });
    expect(await ship("one")).toMatchObject({ status: 0, stderr: "" });
    const tail = client.runUntil("tailrace logs -a shop -f", /: two$/m);
    expect(await ship("two")).toMatchObject({ status: 0, stderr: "" });
    expect(await tail).toMatch(/^\S+ app\[web\.1\]: one\n\S+ app\[web\.1\]: two\n/);
    const { stdout } = await client.run(
      `for path in / /healthz /metrics; do curl -s -o /dev/null -w '%{http_code} ' '${url}'$path; done`,
    );
    expect(stdout).toBe("200 200 404 ");
  } finally {
    await client.close();
    await nginx.close();
    await server.destroy();
  }
});

test("the journal of a unit is read as the page says", async () => {
  const journal = join(reader.folder, "kept.journal");
  writeFileSync(
    journal,
    gunzipSync(readFileSync(new URL("../fixtures/senders/journald.journal.gz", import.meta.url))),
  );
  const command = blockOf("docs/service.md", "journal").body.trim();
  const journalctl = `${process.env.JOURNALCTL || "journalctl"} --file '${journal}'`;
  // It holds no entry of a unit `tailrace`; `-f` would wait for one.
  const { status, stderr } = await reader.run(command.replace("journalctl", journalctl).replace(/ -f$/, ""));
  expect({ status: (status ?? 9) <= 1, stderr }).toEqual({
    status: true,
    stderr: expect.not.stringMatching(/option|usage/i),
  });
  const all = await reader.run(
    command.replace("journalctl", journalctl).replace("-u tailrace ", "").replace(/ -f$/, ""),
  );
  expect(all).toMatchObject({ status: 0, stdout: expect.stringContaining("no such user: é\n") });
});
