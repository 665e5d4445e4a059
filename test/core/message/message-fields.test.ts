import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fieldAt, fieldText, messageCharsMax, readFields } from "../../../src/core/message/message-fields.ts";

describe("the fields of a message", () => {
  test.each<[text: string, message: string | undefined, fields: unknown]>([
    [
      '{"msg":"hi","a":1,"b":{"c":2}}',
      "hi",
      [
        ["a", 1],
        ["b", { c: 2 }],
      ],
    ],
    ['  {"a":1} ', undefined, [["a", 1]]],
    [
      'level=warn msg="queue is \\"long\\"" depth=12',
      'queue is "long"',
      [
        ["level", "warn"],
        ["depth", "12"],
      ],
    ],
    [
      "Completed in 11ms views=6 db=2",
      "Completed in 11ms",
      [
        ["views", "6"],
        ["db", "2"],
      ],
    ],
    [
      'a="" b=',
      undefined,
      [
        ["a", ""],
        ["b", ""],
      ],
    ],
  ])("%s", (text, message, fields) => {
    expect(readFields(text)).toMatchObject({ message, fields });
  });

  test.each(["just text", "one=pair", "x = y = z", "{not json}", "[1,2]", '"text"', "a=1 b=2 and text", ""])(
    "%s has none",
    (text) => {
      expect(readFields(text)).toBeUndefined();
    },
  );

  test("of a message that is too long are not looked for", () => {
    expect(readFields(JSON.stringify({ a: "x".repeat(messageCharsMax) }))).toBeUndefined();
  });

  test("come back from JSON as they were", () => {
    const name = fc.stringMatching(/^[a-ln-z][a-z]{0,5}$/).filter((key) => key !== "event" && key !== "text");
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue()), (object) => {
        const parsed = JSON.parse(JSON.stringify(object));
        expect(readFields(JSON.stringify(parsed))?.fields).toEqual(Object.entries(parsed));
      }),
    );
  });

  test("come back from logfmt as they were, whatever the texts hold", () => {
    const name = fc.stringMatching(/^[a-l][a-z]{0,5}$/).filter((key) => key !== "event");
    const pairs = fc.array(fc.tuple(name, fc.string({ unit: "binary-ascii", maxLength: 9 })), {
      minLength: 2,
    });
    const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
    fc.assert(
      fc.property(pairs, (given) => {
        const text = given.map(([key, value]) => `${key}=${quoted(value)}`).join(" ");
        expect(readFields(text)?.fields).toEqual(given);
      }),
    );
  });
});

test("a field is found by its name, and inside of others by a path", () => {
  const fields = [
    ["user", { id: 7, "a.b": 1 }],
    ["user.name", "x"],
  ] as const;
  expect(fieldAt(fields, "user.id")).toBe(7);
  expect(fieldAt(fields, "user.name")).toBe("x");
  expect(fieldAt(fields, "user.toString")).toBeUndefined();
  expect(fieldAt(fields, "nobody.id")).toBeUndefined();
});

test("a value is shown bare where that is clear", () => {
  expect(["a", "a b", "", 'q"', 7, null, { a: 1 }].map(fieldText)).toEqual([
    "a",
    '"a b"',
    '""',
    '"q\\""',
    "7",
    "null",
    '{"a":1}',
  ]);
});
