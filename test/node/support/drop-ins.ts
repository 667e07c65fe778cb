/**
 * The drop-ins of a test, which are closed when it ends. Their events are recorded.
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

/** A way to use a drop-in. */
export interface DropInKind extends Omit<SenderKind, "open"> {
  /** Whether it sends requests itself. Otherwise it connects for a client that does. */
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

/** Everything that rotates on Node. All of it passes the same tests. */
export const rotating: readonly DropInKind[] = [
  ...dropIns,
  observed({ name: "createFetch()", pools: true, endsAttempts: true, open: byCreateFetch }, true),
];

/** Sends a request, reads the response to its end, and lets the connection become free. */
export async function ask({ send }: DropIn, url: string, body?: string): Promise<string> {
  const answer = await (await send(url, { body })).text();
  await new Promise((resolve) => void setImmediate(resolve));
  return answer;
}
