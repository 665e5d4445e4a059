// A worker: does one thing of the list every few seconds.
import { readList, writeList } from "./store.mjs";

console.log("worker is here");
const timer = setInterval(() => {
  const list = readList();
  const next = list.find(({ done }) => !done);
  if (next === undefined) return;
  next.done = true;
  writeList(list);
  console.log(`done: ${next.text}`);
}, 2_000);

process.on("SIGTERM", () => {
  console.log("worker goes home");
  clearInterval(timer);
});
