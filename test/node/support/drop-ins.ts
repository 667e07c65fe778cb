/**
 * The drop-ins of a test: they are closed when it ends, and what they tell is kept.
 *
 * @module
 */

import { onTestFinished } from "vitest";
import type { AgentOptions } from "../../../runtimes/agents.ts";
import { createFetch } from "../../../runtimes/node.ts";
import type { ReanchorEvent } from "../../../src/index.ts";
import { type Sender, type SenderKind, senderKinds } from "./senders.ts";

/** A client of a drop-in. */
export interface DropIn extends Sender {
  readonly events: ReanchorEvent[];
}

/** A way to use one. */
export interface DropInKind extends Omit<SenderKind, "open"> {
  /** Whether it sends requests itself; a drop-in connects for a client that does. */
  readonly sendsRequests: boolean;
  open(options: AgentOptions): DropIn;
}

function observed({ open, ...kind }: SenderKind, sendsRequests: boolean): DropInKind {
  return {
    ...kind,
    sendsRequests,
    open(options) {
      const events: ReanchorEvent[] = [];
      const sender = open({ onEvent: (event) => void events.push(event), ...options });
      onTestFinished(async () => await sender.close());
      return { ...sender, events };
    },
  };
}

function byCreateFetch(options: AgentOptions): Sender {
  const rotatingFetch = createFetch(options);
  return {
    send: async (url, { body, signal, headers = {} } = {}) =>
      await rotatingFetch(url, {
        headers,
        ...(body !== undefined && { method: "POST", body }),
        ...(signal && { signal }),
      }),
    status: () => rotatingFetch.status(),
    close: async () => await rotatingFetch.close(),
  };
}

/** Every drop-in, by the clients that it is for. */
export const dropIns: readonly DropInKind[] = senderKinds.map((kind) => observed(kind, false));

/** Everything that rotates on Node: what is true of one is true of all. */
export const rotating: readonly DropInKind[] = [
  ...dropIns,
  observed({ name: "createFetch()", pools: true, endsAttempts: true, open: byCreateFetch }, true),
];

/** Sends, reads the answer to its end, and lets the connection become free. */
export async function ask({ send }: DropIn, url: string, body?: string): Promise<string> {
  const answer = await (await send(url, { body })).text();
  await new Promise((resolve) => void setImmediate(resolve));
  return answer;
}
