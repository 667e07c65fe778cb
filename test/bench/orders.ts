/**
 * The side of a program that takes orders from the benchmark: one line of JSON in, one line of JSON out. It
 * runs on every runtime.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";

/** An order, as a line has it. */
export interface Order {
  readonly name: string;
  readonly argument?: unknown;
}

/** What becomes of an order. */
export interface Outcome {
  readonly answer?: unknown;
  readonly error?: string;
}

/** What a program can be told to do, by name. */
export type Orders = Readonly<Record<string, (argument: never) => unknown>>;

/** Reads the argument that the benchmark started this program with. */
export function readArgument(): unknown {
  return JSON.parse(process.argv[2] ?? "null");
}

/** Carries out orders one after the other, until the standard input ends. */
export async function obey(orders: Orders): Promise<never> {
  for await (const line of createInterface({ input: process.stdin })) {
    const outcome = await carryOut(orders, JSON.parse(line) as Order);
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  }
  process.exit(0);
}

async function carryOut(orders: Orders, { name, argument }: Order): Promise<Outcome> {
  try {
    const order = orders[name];
    if (order === undefined) throw new RangeError(`Cannot ${name}: there is no such order`);
    return { answer: await order(argument as never) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
