/** The certificate of the doors in attacks over TLS: P-256, whose signature is the cheapest. */
import { fileURLToPath } from "node:url";

const file = (name: string) => fileURLToPath(new URL(`../../test/fixtures/tls/${name}.pem`, import.meta.url));

export const certificateFiles = { cert: file("server"), key: file("server-key") };
