/** Parts of schemas that several resources share. Answers hold only what their schema names. */
export const text = { type: "string" } as const;
export const optionalText = { type: "string", nullable: true } as const;
export const flag = { type: "boolean" } as const;
export const count = { type: "integer" } as const;
export const time = { type: "string", description: "RFC 3339, UTC, whole seconds" } as const;
export const optionalTime = { ...time, nullable: true } as const;
export const uuid = { type: "string", description: "UUID in lower case" } as const;

/** An object schema; every field is always present unless it is in `optional`. */
export const object = <Fields extends Record<string, object>>(
  properties: Fields,
  { optional = [], nullable = false }: { optional?: readonly (keyof Fields)[]; nullable?: boolean } = {},
) => ({
  type: "object",
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  ...(nullable && { nullable }),
});

/** The schema of an array. */
export const arrayOf = (items: object) => ({ type: "array", items });

/** The schema of a request's body. Only the fields in `required` must be present; unknown fields are ignored. */
export const bodyOf = (properties: Record<string, object>, required: readonly string[] = []) => ({
  type: "object",
  properties,
  required,
});

const failure = object(
  { id: text, code: text, message: text, resource: text },
  { optional: ["code", "resource"] },
);

/** The failures that every route may answer with. */
export const failures = { "4xx": failure, "5xx": failure };

export const appPath = object({ app: { ...text, description: "name or id" } });
export const appRef = object({ id: uuid, name: text });
