/**
 * Resolves names without the system's resolver, whose two threads a handful of silent name servers can keep busy for
 * everybody. It asks the hosts file, then the name servers and search domains of `resolv.conf` over c-ares, in parallel
 * and with a known time bound. Other sources in `nsswitch.conf` are not asked.
 */
import { type LookupAddress, Resolver } from "node:dns";
import { startDeadline } from "../deadline.ts";
import { isLocalName, type Resolve } from "./addresses.ts";
import { fullNames, type NameFacts, type NameFiles } from "./name-files.ts";

type NameResolverOptions = {
  readonly files: Pick<NameFiles, "facts">;
  /** For the whole look-up, regardless of the number of name servers and search domains. */
  readonly lookupMsMax: number;
  /** `HOST:PORT`, instead of the servers in `resolv.conf`. */
  readonly servers?: readonly string[];
};

/** For one question to one name server, before it or another is asked again. */
const questionMs = 1_500;
const questionsMax = 2;
/** Once one family's addresses are known, how long to wait for the other's (RFC 8305 §3). */
const otherFamilyMs = 200;

const loopback: readonly LookupAddress[] = [
  { address: "127.0.0.1", family: 4 },
  { address: "::1", family: 6 },
];

/** Why a name has no addresses now. */
export type NameFailureCode = "ENOTFOUND" | "DNS_SILENT" | "DNS_FAILED" | "DNS_GONE";

export class NameFailure extends Error {
  override readonly name = "NameFailure";
  readonly code: NameFailureCode;
  readonly ms: number;

  constructor(code: NameFailureCode, ms: number, cause?: unknown) {
    super(`${code} after ${ms} ms`, { cause });
    this.code = code;
    this.ms = ms;
  }
}

/**
 * A look-up for `Lookups`, which bounds how many there are. Answers asynchronously and once; no addresses means that
 * the name has none.
 */
export function nameResolver(options: NameResolverOptions): Resolve {
  return (name, { family }, done) => {
    lookUp(name, options).then(
      (found) =>
        done(
          null,
          found.filter((one) => wants(family, one)),
        ),
      (failure) => done(failure, []),
    );
  };
}

const wants = (family: number | "IPv4" | "IPv6" | undefined, one: LookupAddress): boolean =>
  family === undefined || family === 0 || `${family}`.endsWith(String(one.family));

async function lookUp(name: string, options: NameResolverOptions): Promise<readonly LookupAddress[]> {
  const facts = await options.files.facts();
  if (isLocalName(name)) return loopback;
  const known = facts.hosts.get(name.toLowerCase().replace(/\.$/, ""));
  if (known !== undefined) return ordered(known, facts);
  // One resolver per look-up: it reads `resolv.conf` anew, and can be cancelled.
  const resolver = new Resolver({ timeout: questionMs, tries: questionsMax });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  const deadline = startDeadline(options.lookupMsMax, () => resolver.cancel());
  try {
    return await ask(resolver, name, facts, options.lookupMsMax);
  } finally {
    deadline.stop();
    resolver.cancel();
  }
}

async function ask(
  resolver: Resolver,
  name: string,
  facts: NameFacts,
  msMax: number,
): Promise<LookupAddress[]> {
  let exists = false;
  let failure: NodeJS.ErrnoException | undefined;
  for (const full of fullNames(name, facts)) {
    const answer = facts.hasIpv6 ? await askBoth(resolver, full) : await askInTurn(resolver, full);
    if (answer.kind === "found") return ordered(answer.addresses, facts);
    if (answer.kind === "failed") failure ??= answer.failure;
    if (failure?.code === "ECANCELLED") break;
    exists ||= answer.kind === "empty";
  }
  if (failure !== undefined) throw failureOf(failure, msMax);
  if (exists) return [];
  throw new NameFailure("ENOTFOUND", msMax);
}

type Answer =
  | { readonly kind: "found"; readonly addresses: readonly LookupAddress[] }
  /** The name exists and has no address, or it does not exist. */
  | { readonly kind: "empty" | "unknown" }
  | { readonly kind: "failed"; readonly failure: NodeJS.ErrnoException };

/** Asks for both families at once; the first that has addresses waits a moment for the other. */
async function askBoth(resolver: Resolver, name: string): Promise<Answer> {
  const questions = [askFamily(resolver, name, 4), askFamily(resolver, name, 6)];
  const first = await Promise.race(questions);
  const all =
    first.kind === "found"
      ? await Promise.race([Promise.all(questions), later(otherFamilyMs).then(() => [first])])
      : await Promise.all(questions);
  return merged(all);
}

// If IPv6 cannot be reached, its addresses serve only to explain why.
async function askInTurn(resolver: Resolver, name: string): Promise<Answer> {
  const first = await askFamily(resolver, name, 4);
  return first.kind === "empty" ? merged([first, await askFamily(resolver, name, 6)]) : first;
}

function merged(answers: readonly Answer[]): Answer {
  const addresses = answers.flatMap((answer) => (answer.kind === "found" ? answer.addresses : []));
  if (addresses.length > 0) return { kind: "found", addresses };
  return (
    answers.find(({ kind }) => kind === "failed") ??
    answers.find(({ kind }) => kind === "empty") ??
    answers[0]!
  );
}

function askFamily(resolver: Resolver, name: string, family: 4 | 6): Promise<Answer> {
  return new Promise((resolve) => {
    const done = (failure: NodeJS.ErrnoException | null, found: string[]) => {
      if (failure === null)
        resolve({ kind: "found", addresses: found.map((address) => ({ address, family })) });
      else if (failure.code === "ENODATA") resolve({ kind: "empty" });
      else if (failure.code === "ENOTFOUND" || failure.code === "EBADNAME") resolve({ kind: "unknown" });
      else resolve({ kind: "failed", failure });
    };
    if (family === 4) resolver.resolve4(name, done);
    else resolver.resolve6(name, done);
  });
}

const ordered = (addresses: readonly LookupAddress[], { hasIpv6 }: NameFacts): LookupAddress[] =>
  [...addresses].sort((a, b) => (hasIpv6 ? b.family - a.family : a.family - b.family));

function failureOf(failure: NodeJS.ErrnoException, msMax: number): NameFailure {
  const code =
    failure.code === "ETIMEOUT" || failure.code === "ECANCELLED"
      ? "DNS_SILENT"
      : failure.code === "ECONNREFUSED"
        ? "DNS_GONE"
        : "DNS_FAILED";
  return new NameFailure(code, msMax, failure);
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
