/** All attacks, by the name of their row in docs/attacks.md. */
import type { Attack } from "./attack.ts";
import { doorAttacks } from "./door-attacks.ts";
import { httpAttacks } from "./http-attacks.ts";
import { ingestAttacks } from "./ingest-attacks.ts";
import { ownerAttacks } from "./owner-attacks.ts";
import { readerAttacks } from "./reader-attacks.ts";
import { tlsAttacks } from "./tls-attacks.ts";

export const attacks: Readonly<Record<string, Attack>> = {
  ...httpAttacks,
  ...doorAttacks,
  ...tlsAttacks,
  ...ingestAttacks,
  ...readerAttacks,
  ...ownerAttacks,
};
