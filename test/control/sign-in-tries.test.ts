import { expect, test } from "vitest";
import { SignInTries } from "../../src/control/sign-in-tries.ts";
import { FakeClock } from "../support/fake-clock.ts";

const limits = { triesMax: 10, windowMs: 60_000, addressesMax: 10 };

test("of many wrong keys at once no more are looked up than may be tried", async () => {
  const tries = new SignInTries(new FakeClock(), limits);
  let looked = 0;
  const wrong = async () => {
    looked++;
    await new Promise((resolve) => setImmediate(resolve));
    return undefined;
  };
  const answers = await Promise.allSettled(Array.from({ length: 50 }, () => tries.try("a", wrong)));
  expect(looked).toBe(10);
  expect(answers.filter(({ status }) => status === "rejected")).toHaveLength(40);
  expect(await tries.try("b", async () => "right")).toBe("right");
});

test("many right keys at once are all let in, and a failed look-up is no try", async () => {
  const tries = new SignInTries(new FakeClock(), limits);
  const right = () => new Promise<string>((resolve) => setImmediate(() => resolve("right")));
  const failing = () => Promise.reject(new Error("no store"));
  for (let n = 0; n < 30; n++) await expect(tries.try("a", failing)).rejects.toThrow("no store");
  expect(await Promise.all(Array.from({ length: 50 }, () => tries.try("a", right)))).toHaveLength(50);
});
