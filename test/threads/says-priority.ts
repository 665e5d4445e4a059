/** A background thread that tells the priority with which its modules are loaded. */
import { getPriority } from "node:os";
import { parentPort } from "node:worker_threads";

parentPort!.postMessage(getPriority(0));
