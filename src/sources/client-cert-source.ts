/**
 * Where identity comes from that is shown in the handshake: a client certificate and its private key,
 * read again while the program runs, and always as a pair.
 *
 * @module
 */

import { sleep } from "../abort.ts";
import { ConfigError, SourceError } from "../errors.ts";
import { absolutePath } from "../file-path.ts";
import { checkKnown, checkPath, kindOf } from "../options.ts";
import type { ReanchorEvent } from "../events.ts";
import { sha256 } from "../bytes.ts";
import type { Runtime } from "../runtime.ts";
import { fixedSource } from "./fixed.ts";
import {
  type CertificateCheck,
  MAX_BUNDLE_BYTES,
  type PemCertificate,
  parseBundle,
} from "../certificates/pem.ts";
import {
  type PrivateKey,
  comparePublicParts,
  isKeyPair,
  parsePrivateKey,
} from "../certificates/private-key.ts";
import { Reloader } from "./reloader.ts";
import type { Source, SourceOptions } from "./source.ts";

/**
 * A client certificate with the private key that belongs to it. Frozen; the same pair is the same object.
 *
 * The key shows up neither in JSON nor in what a runtime prints of the object, and is not copied with it.
 */
export interface ClientCert {
  /** The certificate as PEM, with the intermediates that came along after it. */
  readonly certificate: string;
  /** The private key as PEM (PKCS#8). */
  readonly key: string;
  /** The certificate's subject by RFC 4514, as in `CN=admin,O=system:masters`. */
  readonly subject: string;
  /** From when it is valid, in milliseconds since the epoch. */
  readonly notBefore: number;
  /** Until when it is valid, in milliseconds since the epoch. */
  readonly notAfter: number;
  /** The SHA-256 over the DER encodings of the chain. Nothing of the private key is in it. */
  readonly fingerprint: string;
  /** When this content was first read, in milliseconds since the epoch. */
  readonly loadedAt: number;
  /** Its subject and until when it is valid. */
  toString(): string;
}

/** A source of client certificates. */
export interface ClientCertSource extends Source<ClientCert> {}

/** The paths of a client certificate and its key. */
export interface ClientCertFiles {
  /** The certificate, and after it any intermediates. */
  readonly certificate: string;
  /** Its private key. */
  readonly key: string;
}

/** A client certificate as it comes. */
export interface ClientCertPem {
  /** The certificate as PEM, and after it any intermediates. */
  readonly certificate: string | Uint8Array;
  /** Its private key as PEM: PKCS#8, SEC1 or PKCS#1, without a passphrase. */
  readonly key: string | Uint8Array;
}

/** Gives a client certificate and its private key. Called again where the two do not belong together. */
export type ClientCertFunction = (signal: AbortSignal) => ClientCertPem | Promise<ClientCertPem>;

/** How often a certificate and a key are read that do not belong together, before the read has failed. */
const PAIR_READS = 3;
/** Between those: by then, most writers of one file after the other are through. */
const PAIR_PAUSE_MS = 20;
/** A certificate is read again this long before it expires, as a token is. */
const LEEWAY_MS = 10_000;
/** With less than this share of its lifetime left, a renewal is late: the kubelet's come at 70 to 90 %. */
const EXPIRING_SHARE = 0.2;

/**
 * A client certificate from files that may be swapped, renamed over or written in place at any time, the
 * one before the other: never the certificate of one pair with the key of the next.
 */
export function createFileClientCertSource(
  runtime: Runtime,
  files: ClientCertFiles | string,
  options?: SourceOptions,
): ClientCertSource {
  const paths = typeof files === "string" ? { certificate: files, key: files } : files;
  checkKnown("fileClientCertSource", paths, ["certificate", "key"], "pass a path, or two");
  checkPath("a client certificate", paths.certificate);
  checkPath("the key of a client certificate", paths.key);
  const certificate = absolutePath(runtime.files, paths.certificate);
  const key = absolutePath(runtime.files, paths.key);
  const source = certificate === key ? `file ${key}` : `files ${certificate} and ${key}`;
  const { files: reader } = runtime;
  if (reader === undefined) {
    throw new ConfigError(
      `Cannot read client certificate from ${source}: this runtime has no file system; use what the platform has for client certificates and pass its fetch`,
    );
  }
  const read: ClientCertFunction = async (signal) => {
    const first = await reader.read(certificate, MAX_BUNDLE_BYTES, signal);
    if (certificate === key) return { certificate: first, key: first };
    return { certificate: first, key: await reader.read(key, MAX_BUNDLE_BYTES, signal) };
  };
  return createClientCertSource(runtime, source, read, options);
}

/** A client certificate from a function, as a secret store or another API gives it. */
export function createFunctionClientCertSource(
  runtime: Runtime,
  read: ClientCertFunction,
  options?: SourceOptions,
): ClientCertSource {
  if (typeof read !== "function") {
    throw new TypeError(
      `Cannot make a client certificate source: expected a function, not ${kindOf(read)}`,
    );
  }
  return createClientCertSource(runtime, "function", read, options);
}

/**
 * A client certificate that never changes.
 *
 * @param pem The certificate, with any intermediates after it, and its private key.
 * @returns A source that always gives them.
 * @throws {SourceError} where one of them is not what it should be, or they do not belong together.
 *
 * @example
 * ```ts
 * import { SourceError, staticClientCertSource } from "@reanchor/reanchor";
 *
 * try {
 *   staticClientCertSource({ certificate: "no certificate here", key: "no key here" });
 * } catch (error) {
 *   if (error instanceof SourceError) console.log(error.reason); // invalid
 * }
 * ```
 */
export function staticClientCertSource(pem: ClientCertPem): ClientCertSource {
  return createStaticClientCertSource(pem, "memory");
}

/** As {@link staticClientCertSource}, with where the text comes from, and checked by the runtime. */
export function createStaticClientCertSource(
  pem: ClientCertPem,
  source: string,
  check?: CertificateCheck,
): ClientCertSource {
  function explain(cause: unknown): unknown {
    if (!(cause instanceof SourceError)) return cause;
    const from = source === "memory" ? "" : ` from ${source}`;
    const message = `Cannot use client certificate${from}: ${cause.message}`;
    return new SourceError(message, cause.reason, { cause });
  }
  try {
    const pair = parse(pem, check);
    if (comparePublicParts(pair.key, pair.chain[0].publicKey) === false) throw mixed();
    return fixedSource(
      "client-certificate",
      async () => {
        if (!(await isPair(pair))) throw explain(mixed());
        return await toClientCert(pair, Date.now());
      },
      source,
    );
  } catch (cause) {
    throw explain(cause);
  }
}

/**
 * Checks a client certificate and its private key.
 *
 * @throws {SourceError} where one of them is not what it should be, or they do not belong together. The
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

/** A client certificate from wherever a function reads it, with what that is called. */
export function createClientCertSource(
  runtime: Runtime,
  source: string,
  read: ClientCertFunction,
  options?: SourceOptions,
): ClientCertSource {
  let saidToExpire: ClientCert | undefined;

  async function readPair(signal: AbortSignal): Promise<ClientCert> {
    for (let attempt = 1; attempt <= PAIR_READS; attempt++) {
      if (attempt > 1) await sleep(runtime.clock, PAIR_PAUSE_MS, signal);
      const pair = parse(await read(signal), runtime.checkCertificate);
      if (await isPair(pair)) return await toClientCert(pair, runtime.clock.wallNow());
    }
    throw mixed("a rotation may be under way, or they are of different pairs");
  }

  function expiring(cert: ClientCert): ReanchorEvent | undefined {
    const { subject, notBefore, notAfter } = cert;
    const leftMs = notAfter - runtime.clock.wallNow();
    if (cert === saidToExpire || leftMs >= EXPIRING_SHARE * (notAfter - notBefore))
      return undefined;
    saidToExpire = cert;
    return { type: "client-cert-expiring", source, subject, notAfter };
  }

  return new Reloader<ClientCert>(
    {
      kind: "client-certificate",
      what: "client certificate",
      source,
      read: readPair,
      // The key as well: one that this runtime can't check may have been the wrong one.
      isSame: (a, b) => a.fingerprint === b.fingerprint && a.key === b.key,
      expiresAt: ({ notAfter }) => notAfter - LEEWAY_MS,
      changed: ({ subject, notAfter, fingerprint }, previous) => ({
        type: "client-cert-reloaded",
        source,
        subject,
        notAfter,
        fingerprint,
        previousFingerprint: previous.fingerprint,
      }),
      notice: expiring,
    },
    { clock: runtime.clock, sharedReads: runtime.capabilities.sharedReads },
    options,
  );
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

async function toClientCert({ chain, key }: ParsedPair, loadedAt: number): Promise<ClientCert> {
  // DER says its own length, so one chain's bytes are no other's.
  const bytes = Uint8Array.from(chain.flatMap(({ der }) => [...der]));
  return new CheckedClientCert(chain, key.pem, await sha256(bytes), loadedAt);
}

/** Keeps the key out of sight: whatever prints the object prints {@link toString}. */
class CheckedClientCert implements ClientCert {
  readonly #key: string;
  readonly certificate: string;
  readonly subject: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly fingerprint: string;
  readonly loadedAt: number;

  constructor(chain: ParsedPair["chain"], key: string, fingerprint: string, loadedAt: number) {
    const [{ subject, notBefore, notAfter }] = chain;
    this.#key = key;
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
    return `ClientCert(${this.subject}, until ${new Date(this.notAfter).toISOString()})`;
  }

  // Node's and Bun's, and Deno's.
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}
