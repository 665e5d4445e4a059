/** Everything that has a drain's fields has each field of the table, and none besides. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import fastify from "fastify";
import { describe, expect, test } from "vitest";
import { addDrainOptions, drainOptionsBody, flaggedFields } from "../../cli/commands/drain-options.ts";
import { factsOf } from "../../cli/drain-words.ts";
import { describeApi, openApiOf } from "../../src/control/openapi.ts";
import { drainFieldsTaken, fieldsIn, shownFieldsOf } from "../../src/control/platform/drain-fields.ts";
import { drainChangesBody, drainReply, newDrainBody } from "../../src/control/platform/drain-reply.ts";
import { allDrainFields, type DrainField } from "../../src/core/records/drain-fields.ts";
import { recordPrefixes } from "../../src/core/records/record-keys.ts";
import { flawOfRecord } from "../../src/registry/record-checks.ts";

const names = allDrainFields.map(({ name }) => name);
type Content = {
  readonly content: {
    readonly "application/json": {
      readonly schema: { readonly properties: Readonly<Record<string, object>> };
    };
  };
};
type Described = { readonly requestBody: Content; readonly responses: { readonly "201": Content } };

const hush = "hush-hush";

/** A value of the field's form. */
function sampleOf({ kind, name, parts = [] }: DrainField): unknown {
  if (name === "format") return "ndjson";
  if (name === "compression") return "gzip";
  if (kind === "headers") return { "x-key": hush };
  if (kind !== "parts") return hush;
  return Object.fromEntries(
    parts.map((part) => [part.name, part.kind === "texts" ? [`of ${part.name}`] : `of ${part.name}`]),
  );
}

const body = Object.fromEntries(allDrainFields.map((field) => [field.name, sampleOf(field)]));
const record = {
  id: "11111111-1111-4111-8111-111111111111",
  number: 1,
  token: "d.1",
  channel: "c",
  url: "https://example.com/",
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
  start: { position: "0.0", line: 0 },
  paused: false,
  ...fieldsIn(body),
} as never;

describe("the table and", () => {
  test("bodies: every field, in both; and the URL, and what only a new drain has", () => {
    expect(Object.keys(drainChangesBody.properties)).toEqual(["url", ...names]);
    expect(Object.keys(newDrainBody.properties)).toEqual(["url", ...names, "since", "verify"]);
    for (const { name, about } of allDrainFields)
      expect(drainFieldsTaken[name]).toMatchObject({ description: about });
  });

  test("the parser: every field by its name in the record; null is kept, absent is absent", () => {
    expect(Object.keys(fieldsIn(body))).toEqual(allDrainFields.map((field) => field.record));
    for (const { name, record: own } of allDrainFields) {
      expect(fieldsIn({ [name]: null } as never)).toEqual({ [own]: null });
      expect(Object.values(fieldsIn({ [name]: body[name] } as never))).toEqual([body[name]]);
    }
    expect(fieldsIn({})).toEqual({});
    expect(fieldsIn({ other: 1 } as never)).toEqual({});
  });

  test("replies: what each may show, and no secret", () => {
    const shown = shownFieldsOf(record);
    expect(JSON.stringify(shown)).not.toContain(hush);
    const known = allDrainFields.flatMap(({ name, shown: how }) =>
      how === "never" ? [] : how === "whether" ? ["signed"] : [name],
    );
    expect(Object.keys(shown)).toEqual(known);
    expect(Object.keys(drainReply.properties).filter((name) => known.includes(name))).toEqual(known);
    expect(names.filter((name) => name in drainReply.properties && !known.includes(name))).toEqual([]);
  });

  test("the OpenAPI document: the bodies and the reply as they are here", async () => {
    const server = fastify();
    const described = describeApi(server as never, { version: "0.0.0" });
    server.post(
      "/drains",
      { schema: { body: newDrainBody, response: { 201: drainReply } } },
      async () => ({}),
    );
    await server.ready();
    const { paths } = (await openApiOf(described())) as { paths: Record<string, Record<string, Described>> };
    const { post } = paths["/drains"]!;
    const taken = post!.requestBody.content["application/json"].schema.properties;
    expect(names.filter((name) => !(name in taken))).toEqual([]);
    for (const { name, about } of allDrainFields) expect(taken[name]).toMatchObject({ description: about });
    const replied = post!.responses["201"].content["application/json"].schema.properties;
    for (const { name, shown } of allDrainFields)
      expect(name in replied, name).toBe(shown !== "never" && shown !== "whether");
    await server.close();
  });

  test("records: a value of another form is refused, with the field's name", () => {
    const key = `${recordPrefixes.drain}1`;
    expect(flawOfRecord(key, record)).toBeUndefined();
    for (const { record: own } of allDrainFields)
      expect(flawOfRecord(key, { ...(record as object), [own]: 5 })).toContain(`\`${own}\``);
  });

  test("docs/drains.md and the clause of the specification: every field, and none besides", () => {
    const rows = readFileSync("docs/drains.md", "utf8")
      .split("\n## ")[1]!
      .match(/^\| `.*?\|/gm)!;
    const documented = rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect(documented).toEqual([...names, "since", "verify"]);
    const clause = /\*\*P3\.7\*\*[^.]*\./.exec(
      readFileSync("docs/spec/apis.md#p3-7".split("#")[0]!, "utf8"),
    )![0];
    expect([...clause.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(names);
  });
});

describe("the command line", () => {
  const given: Readonly<Record<string, string>> = {
    headers: `x-key: ${hush}`,
    ca: "package.json",
    cert: "package.json",
    key: "package.json",
  };

  test("has a flag for every field but the secret before, which no one gives", () => {
    const flagged = new Set(flaggedFields.map(({ field }) => field.name));
    expect(names.filter((name) => !flagged.has(name))).toEqual(["previous_secret"]);
    expect(addDrainOptions(new Command()).options.map(({ long }) => long)).toEqual(
      flaggedFields.filter(({ flag }) => flag.help !== undefined).map(({ flag }) => `--${flag.name}`),
    );
  });

  test.each(flaggedFields.filter(({ flag }) => flag.help !== undefined))(
    "--$flag.name sets its field",
    ({ field, part, flag }) => {
      const command = addDrainOptions(new Command()).exitOverride();
      command.parse(["node", "x", `--${flag.name}`, given[field.name] ?? "value"]);
      const sent = drainOptionsBody(command.opts()) as Record<string, Record<string, unknown>>;
      expect(Object.keys(sent)).toEqual([field.name]);
      if (part)
        expect(sent[field.name]).toEqual({ [part.name]: part.kind === "texts" ? ["value"] : "value" });
      if (field.kind === "headers") expect(sent[field.name]).toEqual({ "x-key": hush });
    },
  );

  test("shows what a reply has of each", () => {
    const facts = factsOf({ id: "1", token: "d.1", url: "u", created_at: "t", ...shownFieldsOf(record) }, 0);
    const labels = facts.map(([label]) => label);
    for (const { name, shown, parts } of allDrainFields) {
      const wanted = parts ? parts.map(({ label }) => label) : shown === "whether" ? ["signed"] : [name];
      for (const label of wanted) expect(labels.includes(label), label).toBe(shown !== "never");
    }
  });
});
