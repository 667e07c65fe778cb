/**
 * Where trust comes from: a CA bundle that is read again while the program runs.
 *
 * @module
 */

import { SourceError, toUnsupportedError } from "../errors.ts";
import { absolutePath } from "../file-path.ts";
import { checkPath, kindOf } from "../options.ts";
import type { TrustAnchor } from "../events.ts";
import { sha256 } from "../bytes.ts";
import { type Runtime, systemClock } from "../runtime.ts";
import { createFixedSource } from "./fixed-source.ts";
import { MAX_BUNDLE_BYTES, type PemCertificate, parseBundle } from "../certificates/pem.ts";
import { Reloader } from "./reloader.ts";
import type { Source, SourceHost, SourceOptions } from "./source.ts";

/** A checked set of trust anchors. Frozen; the same anchors are the same object. */
export interface CaBundle {
  /** The certificates as PEM, in the bundle's order, duplicates dropped. At least one. */
  readonly certificates: readonly string[];
  /** What each of them says of itself, in the same order. */
  readonly anchors: readonly TrustAnchor[];
  /** The SHA-256 over the set of DER encodings: order, comments and white space do not change it. */
  readonly fingerprint: string;
  /** When this content was first read, in milliseconds since the epoch. */
  readonly loadedAt: number;
}

/** A source of trust. */
export interface CaSource extends Source<CaBundle> {}

/** Gives a CA bundle as PEM. */
export type CaFunction = (
  signal: AbortSignal,
) => string | Uint8Array | Promise<string | Uint8Array>;

/** A CA bundle from a file that may be swapped, renamed over or written in place at any time. */
export function bindFileCaSource(
  runtime: SourceHost,
): (path: string, options?: SourceOptions) => CaSource {
  return (path, options) => {
    const { files } = runtime;
    if (files === undefined) {
      throw toUnsupportedError(
        runtime,
        `Cannot read CA bundle ${path}: this runtime has no file system; let the platform trust the cluster's CA and pass its fetch`,
      );
    }
    checkPath("a CA bundle", path);
    const file = absolutePath(files, path);
    const read: CaFunction = (signal) => files.read(file, MAX_BUNDLE_BYTES, signal);
    return createCaSource(runtime, { source: `file ${file}`, read }, options);
  };
}

/** A CA bundle from a function, as a secret store or another API gives it. */
export function bindFunctionCaSource(
  runtime: SourceHost,
): (read: CaFunction, options?: SourceOptions) => CaSource {
  return (read, options) => {
    if (typeof read !== "function") {
      throw new TypeError(`Cannot make a CA source: expected a function, not ${kindOf(read)}`);
    }
    return createCaSource(runtime, { source: "function", read }, options);
  };
}

/**
 * A CA bundle that never changes.
 *
 * @param pem One certificate or more.
 * @returns A source that always gives them.
 * @throws {SourceError} if the text is no bundle.
 *
 * @example
 * ```ts
 * import { SourceError, staticCaSource } from "@reanchor/reanchor";
 *
 * try {
 *   staticCaSource("no certificate here");
 * } catch (error) {
 *   if (error instanceof SourceError) console.log(error.reason); // invalid
 * }
 * ```
 */
export function staticCaSource(pem: string): CaSource {
  return createStaticCaSource(pem, { source: "memory" });
}

/** Where a text that never changes comes from, and the runtime that checks it. */
export interface StaticSourceOptions {
  readonly source: string;
  readonly runtime?: Pick<Runtime, "checkCertificate" | "clock" | "sha256">;
}

/** As {@link staticCaSource}, with where the text comes from, and checked by the runtime. */
export function createStaticCaSource(
  pem: string,
  { source, runtime }: StaticSourceOptions,
): CaSource {
  const clock = runtime?.clock ?? systemClock;
  let certificates: PemCertificate[];
  try {
    certificates = parseBundle(pem, runtime?.checkCertificate);
  } catch (cause) {
    if (!(cause instanceof SourceError)) throw cause;
    const from = source === "memory" ? "" : ` from ${source}`;
    throw new SourceError(`Cannot use CA bundle${from}: ${cause.message}`, cause.reason, { cause });
  }
  return createFixedSource(() => toBundle(certificates, clock.wallNow(), runtime?.sha256), {
    kind: "ca",
    source,
    clock,
  });
}

/** Where a bundle comes from. */
export interface CaOrigin {
  /** For messages and status. */
  readonly source: string;
  readonly read: CaFunction;
}

/** Makes a source of CA bundles from wherever a function reads them. */
export function createCaSource(
  runtime: SourceHost,
  { source, read }: CaOrigin,
  options: SourceOptions | undefined,
): CaSource {
  let last: { readonly text: string; readonly bundle: CaBundle } | undefined;
  return new Reloader<CaBundle>(
    {
      kind: "ca",
      what: "CA bundle",
      source,
      async read(signal) {
        const content = await read(signal);
        const text = typeof content === "string" ? content : new TextDecoder().decode(content);
        // Compared first: requests that wait for trust read it over and over.
        if (last?.text === text) return last.bundle;
        const certificates = parseBundle(text, runtime.checkCertificate);
        const bundle = await toBundle(certificates, runtime.clock.wallNow(), runtime.sha256);
        last = { text, bundle };
        return bundle;
      },
      isSame: (a, b) => a.fingerprint === b.fingerprint,
      changed: (next, previous) => ({
        type: "ca-reloaded",
        source,
        fingerprint: next.fingerprint,
        previousFingerprint: previous.fingerprint,
        added: without(next.anchors, previous.anchors),
        removed: without(previous.anchors, next.anchors),
      }),
      unchanged: ({ fingerprint }) => ({ type: "ca-unchanged", source, fingerprint }),
    },
    { clock: runtime.clock, sharedReads: runtime.capabilities.sharedReads },
    options,
  );
}

function without(anchors: readonly TrustAnchor[], others: readonly TrustAnchor[]): TrustAnchor[] {
  const known = new Set(others.map((anchor) => anchor.fingerprint));
  return anchors.filter((anchor) => !known.has(anchor.fingerprint));
}

async function toBundle(
  certificates: readonly PemCertificate[],
  loadedAt: number,
  digest: NonNullable<Runtime["sha256"]> | typeof sha256 = sha256,
): Promise<CaBundle> {
  const unique = new Map<string, { pem: string; anchor: TrustAnchor }>();
  for (const { pem, der, publicKey: _, ...fields } of certificates) {
    const fingerprint = await digest(der);
    if (unique.has(fingerprint)) continue;
    unique.set(fingerprint, {
      pem,
      anchor: Object.freeze({ fingerprint, ...fields }),
    });
  }
  const entries = [...unique.values()];
  const set = [...unique.keys()].sort().join("");
  return Object.freeze({
    certificates: Object.freeze(entries.map((entry) => entry.pem)),
    anchors: Object.freeze(entries.map((entry) => entry.anchor)),
    fingerprint: await digest(new TextEncoder().encode(set)),
    loadedAt,
  });
}
