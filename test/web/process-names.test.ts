import { expect, test } from "vitest";
import { missingIn } from "../../web/src/log/process-names.ts";

test.each([
  [["web"], []],
  [["web.1"], []],
  [["wbe", "worker"], ["wbe"]],
  [["web.2"], ["web.2"]],
  [["we"], ["we"]],
  [["w*x"], []],
])("of %j there is no process %j", (dynos, missing) => {
  expect(missingIn(["web.1", "worker.1", "router"], dynos)).toEqual(missing);
});
