/**
 * The time limits of all requests of a client, with one timer for each limit instead of one for each request: to start
 * and stop a timer is among the dearest things that a request costs, on Deno above all.
 *
 * @module
 */

import type { Alarm, Clock } from "../runtime.ts";

/** Limits that have not run out. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #queues = new Map<number, DeadlineQueue>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls back once after a delay in milliseconds. Returns what cancels that. */
  after(delayMs: number, callback: () => void): () => void {
    const clock = this.#clock;
    if (clock.setAlarm === undefined) return clock.setTimeout(callback, delayMs);
    let queue = this.#queues.get(delayMs);
    if (queue === undefined) {
      queue = new DeadlineQueue(clock, delayMs, () => this.#queues.delete(delayMs));
      this.#queues.set(delayMs, queue);
    }
    return queue.add(callback);
  }

  /** Cancels all of them. */
  close(): void {
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
  }
}

/** A callback and its time, linked to its neighbours in the order of their times. */
interface Deadline {
  readonly at: number;
  readonly callback: () => void;
  before: Deadline | undefined;
  after: Deadline | undefined;
}

/** What waits equally long, so that the first to come is the first to run out. */
class DeadlineQueue {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #onUnused: () => void;
  #first: Deadline | undefined;
  #last: Deadline | undefined;
  /** Fires no later than the first one runs out. Without any, it keeps no program running. */
  #alarm: Alarm | undefined;

  /** @param onUnused Called when a whole delay has gone by without any. */
  constructor(clock: Clock, delayMs: number, onUnused: () => void) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#onUnused = onUnused;
  }

  add(callback: () => void): () => void {
    const last = this.#last;
    const at = this.#clock.now() + this.#delayMs;
    const deadline: Deadline = { at, callback, before: last, after: undefined };
    this.#last = deadline;
    if (last === undefined) {
      this.#first = deadline;
      if (this.#alarm === undefined) this.#setAlarm(this.#delayMs);
      else this.#alarm.setReferenced(true);
    } else last.after = deadline;
    let isHere = true;
    return () => {
      if (!isHere) return;
      isHere = false;
      this.#remove(deadline);
    };
  }

  close(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#first = undefined;
    this.#last = undefined;
  }

  #remove({ before, after }: Deadline): void {
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    if (this.#first === undefined) this.#alarm?.setReferenced(false);
  }

  #setAlarm(delayMs: number): void {
    this.#alarm = this.#clock.setAlarm?.(() => this.#onAlarm(), delayMs);
  }

  #onAlarm(): void {
    this.#alarm = undefined;
    const now = this.#clock.now();
    const late: (() => void)[] = [];
    while (this.#first !== undefined && this.#first.at <= now) {
      late.push(this.#first.callback);
      this.#first = this.#first.after;
    }
    if (this.#first === undefined) {
      this.#last = undefined;
      this.#onUnused();
    } else {
      this.#first.before = undefined;
      this.#setAlarm(Math.ceil(this.#first.at - now));
    }
    for (const callback of late) callback();
  }
}
