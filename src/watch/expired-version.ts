/**
 * The version that a watch resumes from, and when it is of no use any more: the server has forgotten it (410), fails
 * at it, is another server, or says nothing about it.
 *
 * @module
 */

import { ApiError } from "../api/api-error.ts";
import { isExpired } from "../api/list.ts";
import type { ReanchorError } from "../errors.ts";
import type { Clock } from "../runtime.ts";
import { BadLineError } from "./watch-stream.ts";

/** What the versions of a watch depend on. */
export interface ResumeVersionOptions {
  readonly clock: Clock;
  /** How long watches may receive nothing at a version. */
  readonly idleTimeoutMs: number;
  /** The server of the first version. */
  readonly server: string;
  /** Where to begin, instead of with a list. */
  readonly first: string | undefined;
}

/** Where the next watch begins. */
export class ResumeVersion {
  readonly #clock: Clock;
  readonly #idleTimeoutMs: number;
  #value: string | undefined;
  /** The server that the version is of. */
  #server: string;
  /** What failed last, and at which version. */
  #failedAt: string | undefined;
  /** When the watches began that have received nothing yet; `undefined` once the latest has received something. */
  #silentSince: number | undefined;
  /** Whether no watch has begun since the list. */
  #hasJustListed = false;

  constructor({ clock, idleTimeoutMs, server, first }: ResumeVersionOptions) {
    this.#clock = clock;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#value = first;
    this.#server = first === undefined ? "" : server;
  }

  /** `undefined` if a list has to come first. */
  get value(): string | undefined {
    return this.#value;
  }

  /** Forgets the version if it can't be of use at a server. */
  check(server: string): void {
    // Another server counts its versions by itself.
    if (this.#server !== server || this.#isLost()) this.#value = undefined;
    this.#server = server;
  }

  /**
   * Whether the version may be of a past that is no more: a server whose etcd was restored from a backup accepts a
   * watch from a version that is yet to come, and says nothing. A bookmark comes once a minute otherwise. An
   * aggregated API without versions can't resume at all.
   */
  #isLost(): boolean {
    const now = this.#clock.now();
    const isUnversioned = this.#value === "" && !this.#hasJustListed;
    return isUnversioned || now - (this.#silentSince ?? now) >= this.#idleTimeoutMs;
  }

  /** A watch has begun. */
  noteWatch(): void {
    this.#hasJustListed = false;
    this.#silentSince ??= this.#clock.now();
  }

  /** A watch has received something. */
  noteEvent(): void {
    this.#silentSince = undefined;
  }

  /** A watch has come to a version. */
  advance(version: string): void {
    this.#value = version;
  }

  /** A list is complete. */
  noteList(version: string): void {
    this.#hasJustListed = true;
    this.#silentSince = undefined;
    this.#value = version;
  }

  /** Forgets a version that is expired, or that the same error has occurred at before. */
  noteFailure(error: ReanchorError): void {
    if (isExpired(error)) this.#value = undefined;
    const kind = kindOf(error);
    if (kind === undefined || this.#value === undefined) return;
    // Once more from there on; if that fails alike, a list says what the watch would have.
    const at = `${kind} ${this.#value}`;
    if (this.#failedAt === at) this.#value = undefined;
    this.#failedAt = at;
  }
}

/** Failures of one kind at one version are the version's fault; but not those of a busy or unreachable server. */
function kindOf(error: ReanchorError): string | undefined {
  if (error instanceof BadLineError) return "line";
  if (!(error instanceof ApiError) || error.status === 429 || error.status === 503)
    return undefined;
  return `status ${error.status}`;
}
