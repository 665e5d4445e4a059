/** Closes after each test what the test opened, the newest first. */
import { afterEach } from "vitest";

const opened: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

export const kept = <T extends { close(): Promise<unknown> }>(one: T): T => {
  opened.push(one);
  return one;
};
