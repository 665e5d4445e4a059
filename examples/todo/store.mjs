// A list in a file: web dynos and the worker share it. Enough for an example; an app of your own has a database.
import { readFileSync, renameSync, writeFileSync } from "node:fs";

const path = process.env.TODO_FILE ?? "todo.json";

export function readList() {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return [];
  }
}

export function writeList(list) {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(list, undefined, 2));
  renameSync(draft, path);
}
