/**
 * Faults that a test injects into future requests.
 *
 * @module
 */

import type { Verb } from "./request-target.ts";

/** A number, or a random one of at most `upTo`. */
export type Amount = number | { readonly upTo: number };

/** A fault. What concerns the body is about the body that the server would have sent. */
export interface Fault {
  /** Answers with this HTTP status and a `Status` object. The request has no effect. */
  readonly status?: number;
  /**
   * With `status`: the reason in the `Status` object, as in `AlreadyExists`.
   *
   * @default the one that the API server gives with that status, as in `Conflict` with 409
   */
  readonly reason?: string;
  /** With `status`: the message in the `Status` object. */
  readonly message?: string;
  /** With `status`: the seconds in the `Retry-After` header and in the `Status` object. */
  readonly retryAfterSeconds?: number;
  /** Delays the answer by this many milliseconds, on the cluster's clock. */
  readonly delayMs?: number;
  /** Drops the connection before the answer. The request has no effect. */
  readonly isLost?: boolean;
  /** Drops the connection before the answer, but the request takes effect. */
  readonly isAnswerLost?: boolean;
  /** Never answers. */
  readonly isSilent?: boolean;
  /** Answers 200 with an empty body. The request has no effect. */
  readonly isEmpty?: boolean;
  /** Sends this line before the body. */
  readonly firstLine?: string;
  /** Drops the connection after this many bytes of the body. */
  readonly cutAfterBytes?: Amount;
  /** Ends the body after this many bytes, as if it were complete. */
  readonly endAfterBytes?: Amount;
  /** Sends nothing more after this many bytes of the body, and leaves the connection open. */
  readonly silentAfterBytes?: Amount;
  /** Sends the body in chunks of this many bytes. */
  readonly chunkBytes?: Amount;
  /** Adds a `Warning` header with this text. */
  readonly warning?: string;
}

/** Which requests a fault applies to: those that match every property that is set. */
export interface FaultWhere {
  readonly verb?: Verb;
  readonly group?: string;
  readonly plural?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** How often faults happen, and which. */
export interface RandomFaults {
  /** Decides which requests fail, and how: the same seed gives the same faults for the same requests. */
  readonly seed: number;
  /** The share of requests that fail, from 0 (none) to 1 (all). */
  readonly rate: number;
  /** The faults. Each failing request gets one of them. */
  readonly of: readonly Fault[];
}

interface Planned {
  readonly where: FaultWhere;
  readonly fault: Fault;
  times: number;
}

interface Sometimes extends RandomFaults {
  readonly where: FaultWhere;
  readonly random: () => number;
}

/** The faults of a model. */
export class Faults {
  #planned: Planned[] = [];
  #sometimes: Sometimes[] = [];
  #random = seededRandom(1);

  /** Applies the fault to the next `times` matching requests. */
  next(where: FaultWhere, fault: Fault, times = 1): void {
    this.#planned.push({ where, fault, times });
  }

  /** Applies one of the faults to a random share of the matching requests. */
  sometimes(where: FaultWhere, faults: RandomFaults): void {
    this.#sometimes.push({ ...faults, where, random: seededRandom(faults.seed) });
  }

  /** Removes all faults. Requests that have already met one are not affected. */
  clear(): void {
    this.#planned = [];
    this.#sometimes = [];
  }

  /** Chooses the fault of a request, with its amounts fixed. */
  take(request: FaultWhere): Fault | undefined {
    const planned = this.#planned.find(({ where, times }) => times > 0 && fits(request, where));
    if (planned !== undefined) {
      planned.times -= 1;
      return decided(planned.fault, this.#random);
    }
    for (const { where, rate, of, random } of this.#sometimes) {
      if (!fits(request, where) || random() >= rate) continue;
      const fault = of[Math.floor(random() * of.length)];
      return fault === undefined ? undefined : decided(fault, random);
    }
    return undefined;
  }
}

/** Random numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Whether a request matches. */
export function fits(request: FaultWhere, where: FaultWhere): boolean {
  return Object.entries(where).every(
    ([field, value]) => request[field as keyof FaultWhere] === value,
  );
}

/** Chunk sizes are chosen per chunk, so this amount stays open. */
function decided(fault: Fault, random: () => number): Fault {
  const entries = Object.entries(fault).map(([name, value]: [string, unknown]) => {
    const isRandom = typeof value === "object" && name !== "chunkBytes";
    return [name, isRandom ? amountOf(value as Amount, random) : value];
  });
  return Object.fromEntries(entries) as Fault;
}

/** Chooses a fixed amount. */
export function amountOf(amount: Amount, random: () => number): number {
  return typeof amount === "number" ? amount : Math.floor(random() * (amount.upTo + 1));
}
