// Runs once for each release, before any dyno of it: here would be a database's migration.
import { readList, writeList } from "./store.mjs";

writeList(readList());
console.log(`the list is ready: ${readList().length} things to do`);
