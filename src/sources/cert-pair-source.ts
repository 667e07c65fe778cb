/**
 * A certificate and its private key, read again while the program runs, and always as a pair, whichever end of
 * a connection shows them.
 *
 * @module
 */

import { MAX_BUNDLE_BYTES } from "../certificates/pem.ts";
import { toUnsupportedError } from "../errors.ts";
import type { ReanchorEvent, SourceKind } from "../events.ts";
import { absolutePath } from "../file-path.ts";
import { checkKnown, checkObject, checkPath } from "../options.ts";
import type { ClientCert, ClientCertFiles, ClientCertFunction } from "./client-cert.ts";
import { Reloader } from "./reloader.ts";
import type { Source, SourceHost, SourceOptions } from "./source.ts";

/** A certificate is read again this long before it expires, as a token is. */
const LEEWAY_MS = 10_000;

/** Which end of a connection a pair is for. */
export interface CertPairUse {
  readonly kind: SourceKind;
  /** What it is, for messages, as in `client certificate`. */
  readonly what: string;
  /** What a pair prints itself as. */
  readonly label: string;
  /** The event of another pair. */
  changed(details: {
    source: string;
    subject: string;
    notAfter: number;
    fingerprint: string;
    previousFingerprint: string;
  }): ReanchorEvent;
}

/** Where a pair comes from. */
export interface CertPairOrigin {
  /** For messages and status. */
  readonly source: string;
  /** Called again if the two do not belong together. */
  readonly read: ClientCertFunction;
}

/** Loaded when it is used: most programs have no certificate of their own. */
export function loadPairs(): Promise<typeof import("./client-cert-pair.ts")> {
  return import("./client-cert-pair.ts");
}

/**
 * Reads a pair from files that may be swapped, renamed over or written in place at any time, the one before the
 * other.
 *
 * @throws {TypeError} if the paths are none. @throws {ConfigError} if there is no file system.
 */
export function readPairFiles(
  host: SourceHost,
  files: ClientCertFiles | string,
  { maker, what, advice }: { maker: string; what: string; advice: string },
): CertPairOrigin {
  const paths = typeof files === "string" ? { certificate: files, key: files } : files;
  checkObject(`the options of ${maker}`, paths, "pass a path, or two");
  checkKnown(maker, paths, ["certificate", "key"]);
  checkPath(`a ${what}`, paths.certificate);
  checkPath(`the key of a ${what}`, paths.key);
  const certificate = absolutePath(host.files, paths.certificate);
  const key = absolutePath(host.files, paths.key);
  const source = certificate === key ? `file ${key}` : `files ${certificate} and ${key}`;
  const { files: reader } = host;
  if (reader === undefined) {
    throw toUnsupportedError(
      host,
      `Cannot read ${what} from ${source}: this runtime has no file system; ${advice}`,
    );
  }
  return {
    source,
    async read(signal) {
      const first = await reader.read(certificate, MAX_BUNDLE_BYTES, signal);
      if (certificate === key) return { certificate: first, key: first };
      return { certificate: first, key: await reader.read(key, MAX_BUNDLE_BYTES, signal) };
    },
  };
}

/** Makes a source of pairs. */
export function createCertPairSource(
  { clock, checkCertificate, capabilities }: SourceHost,
  { source, read, ...use }: CertPairOrigin & CertPairUse,
  options?: SourceOptions,
): Source<ClientCert> {
  const host = { clock, checkCertificate, label: use.label };
  async function readPair(signal: AbortSignal): Promise<ClientCert> {
    const { readClientCert } = await loadPairs();
    return await readClientCert(host, read, signal);
  }

  return new Reloader<ClientCert>(
    {
      kind: use.kind,
      what: use.what,
      source,
      read: readPair,
      // The key as well: one that this runtime can't check may have been the wrong one.
      isSame: (a, b) => a.fingerprint === b.fingerprint && a.key === b.key,
      expiresAt: ({ notAfter }) => notAfter - LEEWAY_MS,
      changed: ({ subject, notAfter, fingerprint }, { fingerprint: previousFingerprint }) =>
        use.changed({ source, subject, notAfter, fingerprint, previousFingerprint }),
    },
    { clock, sharedReads: capabilities.sharedReads },
    options,
  );
}
