/**
 * Where identity comes from that is shown in the handshake: a client certificate and its private key,
 * read again while the program runs, and always as a pair.
 *
 * @module
 */

import { MAX_BUNDLE_BYTES } from "../certificates/pem.ts";
import { toUnsupportedError } from "../errors.ts";
import { absolutePath } from "../file-path.ts";
import { checkKnown, checkPath, kindOf } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { fixedSource } from "./fixed-source.ts";
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

/** Returns a client certificate and its private key. Called again if the two do not belong together. */
export type ClientCertFunction = (signal: AbortSignal) => ClientCertPem | Promise<ClientCertPem>;

/** A certificate is read again this long before it expires, as a token is. */
const LEEWAY_MS = 10_000;
/**
 * A client certificate from files that may be swapped, renamed over or written in place at any time, the
 * one before the other: never the certificate of one pair with the key of the next.
 */
export function bindFileClientCertSource(
  runtime: Runtime,
): (files: ClientCertFiles | string, options?: SourceOptions) => ClientCertSource {
  return (files, options) => {
    const paths = typeof files === "string" ? { certificate: files, key: files } : files;
    checkKnown("fileClientCertSource", paths, ["certificate", "key"], "pass a path, or two");
    checkPath("a client certificate", paths.certificate);
    checkPath("the key of a client certificate", paths.key);
    const certificate = absolutePath(runtime.files, paths.certificate);
    const key = absolutePath(runtime.files, paths.key);
    const source = certificate === key ? `file ${key}` : `files ${certificate} and ${key}`;
    const { files: reader } = runtime;
    if (reader === undefined) {
      throw toUnsupportedError(
        runtime,
        `Cannot read client certificate from ${source}: this runtime has no file system; use what the platform has for client certificates and pass its fetch`,
      );
    }
    const read: ClientCertFunction = async (signal) => {
      const first = await reader.read(certificate, MAX_BUNDLE_BYTES, signal);
      if (certificate === key) return { certificate: first, key: first };
      return { certificate: first, key: await reader.read(key, MAX_BUNDLE_BYTES, signal) };
    };
    return createClientCertSource(runtime, source, read, options);
  };
}

/** A client certificate from a function, as a secret store or another API gives it. */
export function bindFunctionClientCertSource(
  runtime: Runtime,
): (read: ClientCertFunction, options?: SourceOptions) => ClientCertSource {
  return (read, options) => {
    if (typeof read !== "function") {
      throw new TypeError(
        `Cannot make a client certificate source: expected a function, not ${kindOf(read)}`,
      );
    }
    return createClientCertSource(runtime, "function", read, options);
  };
}

/**
 * A client certificate that never changes.
 *
 * @param pem The certificate, with any intermediates after it, and its private key.
 * @returns A source that always returns them. Its first use, which `connect()` makes, throws a
 * {@link SourceError} if one of them is malformed, or if they do not belong together.
 * @throws {TypeError} if one of them is missing.
 *
 * @example
 * ```ts
 * import { SourceError, staticClientCertSource } from "@reanchor/reanchor";
 *
 * const source = staticClientCertSource({ certificate: "no certificate here", key: "no key here" });
 * const error: unknown = await source.current().catch((caught: unknown) => caught);
 * if (error instanceof SourceError) console.log(error.reason); // invalid
 * ```
 */
export function staticClientCertSource(pem: ClientCertPem): ClientCertSource {
  checkKnown("staticClientCertSource", pem, ["certificate", "key"], "pass both as PEM");
  for (const part of ["certificate", "key"] as const) {
    if (pem[part] !== undefined) continue;
    throw new TypeError(`Cannot make a client certificate source: ${part} is missing`);
  }
  return fixedSource("client-certificate", async () => {
    const { createStaticClientCertSource } = await loadPairs();
    return await createStaticClientCertSource(pem, "memory").current();
  });
}

/** Loaded when it is used: most programs have no client certificate. */
function loadPairs(): Promise<typeof import("./client-cert-pair.ts")> {
  return import("./client-cert-pair.ts");
}

/** A client certificate from wherever a function reads it, with what that is called. */
export function createClientCertSource(
  runtime: Runtime,
  source: string,
  read: ClientCertFunction,
  options?: SourceOptions,
): ClientCertSource {
  async function readPair(signal: AbortSignal): Promise<ClientCert> {
    const { readClientCert } = await loadPairs();
    return await readClientCert(runtime, read, signal);
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
    },
    { clock: runtime.clock, sharedReads: runtime.capabilities.sharedReads },
    options,
  );
}
