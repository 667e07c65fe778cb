/**
 * The time limits of all requests of a client, with one timer for each limit instead of one for each request: to start
 * and stop a timer is among the dearest things that a request costs, on Deno above all.
 *
 * @module
 */

import type { Alarm, Clock } from "../runtime.ts";

/** What has a time limit. */
export interface Timed {
  /** Called once if the time limit runs out. */
  onDeadline(): void;
}

/** A time limit that has not run out. */
export interface TimeLimit {
  /** Lets it never run out. */
  cancel(): void;
}

/** Limits that have not run out. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #queues = new Map<number, DeadlineQueue>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Limits something to a delay in milliseconds from now. */
  add(delayMs: number, timed: Timed): TimeLimit {
    const clock = this.#clock;
    if (clock.setAlarm === undefined) {
      return { cancel: clock.setTimeout(() => timed.onDeadline(), delayMs) };
    }
    let queue = this.#queues.get(delayMs);
    if (queue === undefined) {
      queue = new DeadlineQueue(clock, delayMs, () => this.#queues.delete(delayMs));
      this.#queues.set(delayMs, queue);
    }
    return queue.add(timed);
  }

  /** Cancels all of them. */
  close(): void {
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
  }
}

/** A time limit, linked to its neighbours in the order of their times. */
class Deadline implements TimeLimit {
  readonly at: number;
  /** `undefined` once it has run out, or is cancelled. */
  timed: Timed | undefined;
  /** `undefined` once it is in none. */
  queue: DeadlineQueue | undefined;
  before: Deadline | undefined;
  after: Deadline | undefined;

  constructor(at: number, timed: Timed, queue: DeadlineQueue) {
    this.at = at;
    this.timed = timed;
    this.queue = queue;
    this.before = undefined;
    this.after = undefined;
  }

  cancel(): void {
    this.timed = undefined;
    this.queue?.remove(this);
  }

  runOut(): void {
    const timed = this.timed;
    this.timed = undefined;
    timed?.onDeadline();
  }
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

  add(timed: Timed): Deadline {
    const last = this.#last;
    const deadline = new Deadline(this.#clock.now() + this.#delayMs, timed, this);
    this.#last = deadline;
    if (last === undefined) {
      this.#first = deadline;
      if (this.#alarm === undefined) this.#setAlarm(this.#delayMs);
      else this.#alarm.setReferenced(true);
    } else {
      deadline.before = last;
      last.after = deadline;
    }
    return deadline;
  }

  remove(deadline: Deadline): void {
    const { before, after } = deadline;
    deadline.queue = undefined;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    if (this.#first === undefined) this.#alarm?.setReferenced(false);
  }

  close(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    for (let at = this.#first; at !== undefined; at = at.after) at.queue = undefined;
    this.#first = undefined;
    this.#last = undefined;
  }

  #setAlarm(delayMs: number): void {
    this.#alarm = this.#clock.setAlarm?.(() => this.#onAlarm(), delayMs);
  }

  #onAlarm(): void {
    this.#alarm = undefined;
    const now = this.#clock.now();
    const late: Deadline[] = [];
    while (this.#first !== undefined && this.#first.at <= now) {
      late.push(this.#first);
      this.remove(this.#first);
    }
    if (this.#first === undefined) this.#onUnused();
    else this.#setAlarm(Math.ceil(this.#first.at - now));
    for (const deadline of late) deadline.runOut();
  }
}
