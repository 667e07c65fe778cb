/**
 * A client certificate and its private key, checked, and checked against each other.
 *
 * @module
 */

import { sleep } from "../abort.ts";
import { sha256 } from "../bytes.ts";
import { type CertificateCheck, type PemCertificate, parseBundle } from "../certificates/pem.ts";
import {
  type PrivateKey,
  comparePublicParts,
  isKeyPair,
  parsePrivateKey,
} from "../certificates/private-key.ts";
import { SourceError } from "../errors.ts";
import { type Runtime, systemClock } from "../runtime.ts";
import type { StaticSourceOptions } from "./ca-source.ts";
import type { ClientCert, ClientCertFunction, ClientCertPem } from "./client-cert.ts";
import { createFixedSource } from "./fixed-source.ts";
import type { Source } from "./source.ts";

/** How often a certificate and a key are read that do not belong together, before the read has failed. */
const PAIR_READS = 3;
/** Between those: by then, most writers of one file after the other are through. */
const PAIR_PAUSE_MS = 20;
/** A client certificate that never changes, with where its text comes from, and checked by the runtime. */
export function createStaticClientCertSource(
  pem: ClientCertPem,
  { source, runtime }: StaticSourceOptions,
): Source<ClientCert> {
  const clock = runtime?.clock ?? systemClock;
  function explain(cause: unknown): unknown {
    if (!(cause instanceof SourceError)) return cause;
    const from = source === "memory" ? "" : ` from ${source}`;
    const message = `Cannot use client certificate${from}: ${cause.message}`;
    return new SourceError(message, cause.reason, { cause });
  }
  try {
    const pair = parse(pem, runtime?.checkCertificate);
    if (comparePublicParts(pair.key, pair.chain[0].publicKey) === false) throw mixed();
    const load = async (): Promise<ClientCert> => {
      if (!(await isPair(pair))) throw explain(mixed());
      return await toClientCert(pair, clock.wallNow());
    };
    return createFixedSource(load, { kind: "client-certificate", source, clock });
  } catch (cause) {
    throw explain(cause);
  }
}

/**
 * Checks a client certificate and its private key.
 *
 * @throws {SourceError} if one of them is not what it should be, or they do not belong together. The
 * message quotes neither.
 */
export async function parseClientCert(
  pem: ClientCertPem,
  loadedAt: number,
  check?: CertificateCheck,
): Promise<ClientCert> {
  const pair = parse(pem, check);
  if (!(await isPair(pair))) throw mixed();
  return await toClientCert(pair, loadedAt);
}

/** What checks a pair, and what the pair prints itself as. */
export interface PairHost extends Pick<Runtime, "clock"> {
  readonly checkCertificate: CertificateCheck | undefined;
  readonly label: string;
}

/** Reads a pair, again if the two do not belong together: a rotation may fall between the two reads. */
export async function readClientCert(
  { clock, checkCertificate, label }: PairHost,
  read: ClientCertFunction,
  signal: AbortSignal,
): Promise<ClientCert> {
  for (let attempt = 1; attempt <= PAIR_READS; attempt++) {
    if (attempt > 1) await sleep(clock, PAIR_PAUSE_MS, signal);
    const pair = parse(await read(signal), checkCertificate);
    if (await isPair(pair)) return await toClientCert(pair, clock.wallNow(), label);
  }
  throw mixed("a rotation may be under way, or they are of different pairs");
}

/** A certificate and a key, each of them good by itself. */
interface ParsedPair {
  readonly chain: readonly [PemCertificate, ...PemCertificate[]];
  readonly key: PrivateKey;
}

function parse(
  { certificate, key }: ClientCertPem,
  check: CertificateCheck | undefined,
): ParsedPair {
  return {
    chain: of("certificate", () => parseBundle(toText(certificate), check)),
    key: of("private key", () => parsePrivateKey(toText(key))),
  };
}

/** Says which of the two an error is about. */
function of<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof SourceError)) throw cause;
    throw new SourceError(`the ${what}: ${cause.message}`, cause.reason, { cause });
  }
}

function toText(content: unknown): string {
  if (typeof content === "string") return content;
  if (content instanceof Uint8Array) return new TextDecoder().decode(content);
  throw new SourceError("it is neither text nor bytes", "invalid");
}

/** Whether the key belongs to the certificate. What this runtime can't check is left to its TLS. */
async function isPair({ chain: [leaf], key }: ParsedPair): Promise<boolean> {
  return (await isKeyPair(key, leaf.publicKey)) !== false;
}

function mixed(
  because = "give both of one pair, and the certificate ahead of its intermediates",
): SourceError {
  return new SourceError(
    `the private key does not belong to the certificate; ${because}`,
    "invalid",
  );
}

async function toClientCert(
  { chain, key }: ParsedPair,
  loadedAt: number,
  label = "ClientCert",
): Promise<ClientCert> {
  // DER says its own length, so one chain's bytes are no other's.
  const bytes = Uint8Array.from(chain.flatMap(({ der }) => [...der]));
  const fingerprint = await sha256(bytes);
  return new CheckedClientCert({ chain, key: key.pem, fingerprint, loadedAt, label });
}

interface CheckedParts {
  readonly chain: ParsedPair["chain"];
  readonly key: string;
  readonly fingerprint: string;
  readonly loadedAt: number;
  /** What it prints itself as. */
  readonly label: string;
}

/** Keeps the key out of sight: whatever prints the object prints {@link toString}. */
class CheckedClientCert implements ClientCert {
  readonly #key: string;
  readonly #label: string;
  readonly certificate: string;
  readonly subject: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly fingerprint: string;
  readonly loadedAt: number;

  constructor({ chain, key, fingerprint, loadedAt, label }: CheckedParts) {
    const [{ subject, notBefore, notAfter }] = chain;
    this.#key = key;
    this.#label = label;
    this.certificate = chain.map(({ pem }) => pem).join("");
    this.subject = subject;
    this.notBefore = notBefore;
    this.notAfter = notAfter;
    this.fingerprint = fingerprint;
    this.loadedAt = loadedAt;
    Object.freeze(this);
  }

  get key(): string {
    return this.#key;
  }

  toString(): string {
    return `${this.#label}(${this.subject}, until ${new Date(this.notAfter).toISOString()})`;
  }

  // Node's and Bun's, and Deno's.
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}
