import { expect, test } from "vitest";
import { chosen } from "../../bench/chosen.ts";

const names = ["tcp-tcp", "tcp-http", "http-http"];
const refuse = (text: string): never => {
  throw new Error(text);
};

test("words choose the names that have one of them, and none chooses all", () => {
  expect(chosen(names, [], refuse)).toEqual(names);
  expect(chosen(names, ["tcp-h", "http-h"], refuse)).toEqual(["tcp-http", "http-http"]);
});

test("a word that no name has is refused with the names that there are, also beside one that is known", () => {
  expect(() => chosen(names, ["tcp", "nosuch"], refuse)).toThrow(
    'Nothing here has "nosuch" in its name. There are:\n  tcp-tcp\n  tcp-http\n  http-http\n',
  );
});
