/**
 * Warnings that a trust anchor, or the certificate that a client or a server shows, is about to expire.
 *
 * @module
 */

import { type EventListener, notify } from "../events.ts";
import type { Clock } from "../runtime.ts";
import type { AnchorUse } from "./anchor-use.ts";
import type { Trust } from "./trust.ts";
import type { TrustSettings } from "./trust-settings.ts";

/** What warnings are made of. */
export interface ExpiryParts {
  readonly settings: Pick<TrustSettings, "ca" | "clientCert">;
  readonly clock: Clock;
  readonly onEvent: EventListener | undefined;
  /** The distances, or `undefined` for {@link defaultDistances}. */
  readonly warnBeforeExpiryMs: readonly number[] | undefined;
  /** What a client has warned of under other configs. */
  readonly warned?: WarnedDistances | undefined;
  /** `undefined` if nothing is known of it, as of the CAs of a server's clients. */
  readonly anchorUse: AnchorUse | undefined;
  /** The event of the certificate. @default "client-cert-expiring" */
  readonly certEvent?: "client-cert-expiring" | "server-cert-expiring";
}

/** The shortest distance that was warned of, by the certificate's fingerprint. */
export type WarnedDistances = Map<string, number>;

interface Dates {
  readonly notBefore: number;
  readonly notAfter: number;
}

const DAY_MS = 86_400_000;

/** Those of a certificate that lives for years. One that lives for hours is renewed within its last fifth. */
function defaultDistances({ notBefore, notAfter }: Dates): number[] {
  const lifetime = notAfter - notBefore;
  return [
    Math.min(30 * DAY_MS, lifetime / 5),
    Math.min(7 * DAY_MS, lifetime / 20),
    Math.min(DAY_MS, lifetime / 100),
  ];
}

export class ExpiryWarnings {
  readonly #parts: ExpiryParts;
  readonly #warned: WarnedDistances;
  #trust: Trust | undefined;
  /** When the next distance is reached, in milliseconds since the epoch. */
  #dueAt = 0;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
    this.#warned = parts.warned ?? new Map();
  }

  /** Emits what is due: once for each certificate and distance, and of several distances the shortest. */
  check(trust: Trust): void {
    const { settings, clock, onEvent, anchorUse, certEvent } = this.#parts;
    if (onEvent === undefined) return;
    const now = clock.wallNow();
    if (trust === this.#trust && now < this.#dueAt) return;
    this.#trust = trust;
    this.#dueAt = Number.POSITIVE_INFINITY;
    const warned = this.#warned;
    const { bundle, clientCert } = trust;
    const certificates = [...(bundle?.anchors ?? []), ...(clientCert ? [clientCert] : [])];
    const known = new Set(certificates.map(({ fingerprint }) => fingerprint));
    for (const fingerprint of warned.keys())
      if (!known.has(fingerprint)) warned.delete(fingerprint);
    const due = (cert: Dates & { readonly fingerprint: string }): number | undefined => {
      const left = cert.notAfter - now;
      const distances = this.#parts.warnBeforeExpiryMs ?? defaultDistances(cert);
      const next = Math.max(...distances.filter((distance) => distance < left));
      this.#dueAt = Math.min(this.#dueAt, cert.notAfter - next);
      const reached = Math.min(...distances.filter((distance) => distance >= left));
      const before = warned.get(cert.fingerprint) ?? Number.POSITIVE_INFINITY;
      warned.set(cert.fingerprint, Math.min(reached, before));
      return reached < before ? reached : undefined;
    };
    for (const anchor of bundle?.anchors ?? []) {
      const distanceMs = due(anchor);
      if (distanceMs === undefined) continue;
      const { subject, fingerprint, notAfter } = anchor;
      const certificate = {
        subject,
        fingerprint,
        notAfter,
        expiresInMs: notAfter - now,
        distanceMs,
      };
      const inUse = anchorUse?.isUsed(bundle, anchor);
      const source = settings.ca?.status.source ?? "";
      notify(onEvent, { type: "ca-expiring", source, ...certificate, inUse });
    }
    if (clientCert === undefined) return;
    const distanceMs = due(clientCert);
    if (distanceMs === undefined) return;
    const { subject, fingerprint, notAfter } = clientCert;
    const certificate = { subject, fingerprint, notAfter, expiresInMs: notAfter - now, distanceMs };
    const source = settings.clientCert?.status.source ?? "";
    notify(onEvent, { type: certEvent ?? "client-cert-expiring", source, ...certificate });
  }
}

/**
 * Checks the option `warnBeforeExpiryMs`.
 *
 * @throws {TypeError | RangeError} if it is not an array of durations.
 */
export function checkDistances(
  given: readonly number[] | undefined,
): readonly number[] | undefined {
  if (given === undefined) return undefined;
  const isNumbers = Array.isArray(given) && given.every((it) => typeof it === "number");
  if (!isNumbers) {
    throw new TypeError(
      "Cannot use option warnBeforeExpiryMs: it must be an array of milliseconds",
    );
  }
  if (given.every((distance) => distance >= 0 && distance < Number.POSITIVE_INFINITY))
    return [...given];
  throw new RangeError(
    "Cannot use option warnBeforeExpiryMs: a distance is not a number from 0 on",
  );
}
