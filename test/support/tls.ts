/** The certificates of `test/fixtures/tls`, as PEM. */
import { readFileSync } from "node:fs";

const pem = (name: string): string =>
  readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), "utf8");

export const ca = pem("ca");
/** For localhost and 127.0.0.1. */
export const serverTls = { key: pem("server-key"), cert: pem("server") };
export const wrongNameTls = { key: pem("server-key"), cert: pem("wrong-name") };
export const expiredTls = { key: pem("server-key"), cert: pem("expired") };
export const selfSignedTls = { key: pem("server-key"), cert: pem("self-signed") };
export const clientTls = { key: pem("client-key"), cert: pem("client") };
