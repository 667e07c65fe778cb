/**
 * Options of Node's by which a single connection would have a trust or an identity of its own. The secure
 * context of the generation would silently win over them: they are rejected, unless they say nothing or make a
 * connection stricter.
 *
 * @module
 */

import { type SecureContextOptions, checkServerIdentity, getCiphers } from "node:tls";
import { ConfigError } from "../../../src/errors.ts";
import type { Hardening } from "../hardening.ts";

/** Those names, for types. */
export type TrustOverride =
  | Exclude<keyof SecureContextOptions, keyof Hardening>
  | "secureContext"
  | "rejectUnauthorized"
  | "checkServerIdentity"
  | "pskCallback"
  | "session";

type ContextOptionName = Extract<TrustOverride, keyof SecureContextOptions>;

/** Those of a secure context, beside the CA bundle and the client certificate. */
export const contextOptionNames: readonly ContextOptionName[] = [
  "pfx",
  "passphrase",
  "crl",
  "allowPartialTrustChain",
  "sigalgs",
  "ecdhCurve",
  "secureProtocol",
  "secureOptions",
];

const names: readonly string[] = [
  "ca",
  "cert",
  "key",
  ...contextOptionNames,
  "clientCertEngine",
  "privateKeyEngine",
  "privateKeyIdentifier",
  "secureContext",
  "pskCallback",
  "session",
] satisfies TrustOverride[];

/** Values that were handed out by {@link handOut}. */
const handedOut = new WeakSet();

/**
 * Marks a value as one that was given to a program for agents of its own. If it comes back with a request for one
 * of ours, it says nothing new.
 */
export function handOut<Value extends object>(value: Value): Value {
  handedOut.add(value);
  return value;
}

/** Whether a value is one that {@link handOut} marked. */
export function isHandedOut(value: unknown): boolean {
  return typeof value === "object" && value !== null && handedOut.has(value);
}

/**
 * Checks the options of a connection.
 *
 * @param mayGoUnverified Whether servers go unverified anyway, so that a caller may say so.
 * @returns What of them makes it stricter; `undefined` if there is nothing.
 * @throws {ConfigError} if there is an option that would give it a trust or an identity of its own.
 */
export function rejectTrustOverrides(
  options: object,
  mayGoUnverified = false,
): Hardening | undefined {
  const given = options as Readonly<Record<string, unknown>>;
  for (const name of names) {
    if (saysNothing(given[name])) continue;
    throw new ConfigError(
      `Cannot use option ${name}: whom to trust and what to show is for the sources to say that all connections have in common`,
    );
  }
  const { checkServerIdentity: check, rejectUnauthorized } = given;
  // got always passes Node's own. Ours takes its place.
  if (check !== undefined && check !== null && check !== checkServerIdentity) {
    throw new ConfigError(
      "Cannot use option checkServerIdentity: which name a certificate must carry is for the URL or option serverName to say",
    );
  }
  if (rejectUnauthorized === false && !mayGoUnverified) {
    throw new ConfigError("Cannot use option rejectUnauthorized: servers are always verified");
  }
  return hardeningOf(given);
}

/** Whether a value is what Node has by default, or empty. */
function saysNothing(value: unknown): boolean {
  if (!value || isHandedOut(value)) return true;
  if (Array.isArray(value)) return value.every(saysNothing);
  return ArrayBuffer.isView(value) && value.byteLength === 0;
}

function hardeningOf(given: Readonly<Record<string, unknown>>): Hardening | undefined {
  const minVersion = versionOf("minVersion", given["minVersion"]);
  const maxVersion = versionOf("maxVersion", given["maxVersion"]);
  const ciphers = ciphersOf(given["ciphers"]);
  if (!minVersion && !maxVersion && !ciphers) return undefined;
  return {
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(ciphers && { ciphers }),
  };
}

function versionOf(name: string, version: unknown): Hardening["minVersion"] | undefined {
  if (!version) return undefined;
  if (version === "TLSv1.2" || version === "TLSv1.3") return version;
  throw new ConfigError(`Cannot use option ${name}: it must be TLSv1.2 or TLSv1.3`);
}

/** Suites that authenticate the server by its certificate, with forward secrecy. */
const strongSuite = /^(?:TLS_|(?:ECDHE|DHE)-(?:ECDSA|RSA)-)(?!.*(?:NULL|DES|RC4|MD5|PSK))/;

/** A list may name such suites and rule others out: groups such as `ALL` have suites without a certificate. */
function ciphersOf(ciphers: unknown): string | undefined {
  if (!ciphers) return undefined;
  if (typeof ciphers === "string") {
    const known = new Set(getCiphers().map((suite) => suite.toUpperCase()));
    const isStrong = (suite: string): boolean => strongSuite.test(suite) && known.has(suite);
    if (ciphers.split(/[:, ]+/).every((part) => part.startsWith("!") || isStrong(part))) {
      return ciphers;
    }
  }
  throw new ConfigError(
    "Cannot use option ciphers: it may only name suites such as ECDHE-RSA-AES256-GCM-SHA384, and rule out others by an exclamation mark",
  );
}
