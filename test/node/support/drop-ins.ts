/**
 * The drop-ins of a test: they are closed when it ends, and what they tell is kept.
 *
 * @module
 */

import { onTestFinished } from "vitest";
import type { AgentOptions } from "../../../runtimes/agents.ts";
import type { ReanchorEvent } from "../../../src/index.ts";
import { type Sender, type SenderKind, senderKinds } from "./senders.ts";

/** A client of a drop-in. */
export interface DropIn extends Sender {
  readonly events: ReanchorEvent[];
}

/** A way to use one. */
export interface DropInKind extends Omit<SenderKind, "open"> {
  open(options: AgentOptions): DropIn;
}

/** Every drop-in, by the clients that it is for. */
export const dropIns: readonly DropInKind[] = senderKinds.map(({ open, ...kind }) => ({
  ...kind,
  open(options) {
    const events: ReanchorEvent[] = [];
    const sender = open({ onEvent: (event) => void events.push(event), ...options });
    onTestFinished(async () => await sender.close());
    return { ...sender, events };
  },
}));

/** Sends, reads the answer to its end, and lets the connection become free. */
export async function ask({ send }: DropIn, url: string, body?: string): Promise<string> {
  const answer = await (await send(url, body)).text();
  await new Promise((resolve) => void setImmediate(resolve));
  return answer;
}
