/**
 * A forwarded connection over the two channels of `v4.channel.k8s.io`, on a WebSocket of its own. One side can't end
 * by itself: the end of either closes the WebSocket.
 *
 * @module
 */

import type { MessageSocket } from "../runtime.ts";
import { type ForwardLink, Forwarded, type ForwardedConnection } from "./forwarded-connection.ts";
import type { ForwardSettings } from "./spdy-session.ts";

const DATA = 0;
const ERROR = 1;

/** Forwards a connection over channels. */
export function forwardChannels(
  socket: MessageSocket,
  { halfClose, clock, what, signal }: ForwardSettings,
): ForwardedConnection {
  const link: ForwardLink = {
    endsSides: false,
    send: async (bytes) => await socket.send(Uint8Array.of(DATA), bytes),
    end: async () => socket.close(),
    close: () => socket.close(),
    abort: (reason) => socket.abort(reason),
  };
  const forwarded = new Forwarded({ link, halfClose, clock, what, isWaitedFor: () => false });
  const onAbort = (): void => forwarded.giveUp(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  void receiveAll(socket, forwarded)
    .catch((error: unknown) => forwarded.lose(error))
    .then(() => signal.removeEventListener("abort", onAbort));
  return forwarded;
}

async function receiveAll(socket: MessageSocket, forwarded: Forwarded): Promise<void> {
  /** The first message of a channel is its port. */
  const begun = new Set<number>();
  for (;;) {
    const message = await socket.receive();
    if (message === undefined) return forwarded.lose();
    const [channel = DATA] = message;
    if (channel !== DATA && channel !== ERROR) continue;
    if (!begun.has(channel)) begun.add(channel);
    else if (channel === DATA) await forwarded.deliver(message.subarray(1));
    else forwarded.noteError(message.subarray(1));
  }
}
