import { afterEach, beforeEach, expect, test } from "vitest";
import { type OtlpDoor, openOtlpDoor } from "./otlp-door.ts";

let door: OtlpDoor;
beforeEach(async () => {
  door = await openOtlpDoor();
});
afterEach(() => door.close());

test.each([
  ["/logs", "application/logplex-1"],
  ["/logs?process=web.1", "text/plain"],
  ["/v1/logs", "application/json"],
  ["/v1/logs", "application/x-protobuf"],
])(
  "a request to %s as %s that may not write is a fault of its sender, whatever it shows",
  async (path, type) => {
    const shown = ["Basic dG9rZW46dC53cm9uZw==", "Bearer t.wrong", "Bearer nobody", "Digest x"];
    const statuses: number[] = [];
    for (const authorization of shown) {
      const response = await door.post(path, "x", { authorization, "content-type": type });
      statuses.push(response.status);
    }
    expect(statuses).toEqual([401, 401, 401, 401]);
    expect(door.noted.map(({ cause }) => cause)).toEqual(Array(4).fill("not_admitted"));
  },
);
