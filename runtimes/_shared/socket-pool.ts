/**
 * A pool of connections that HTTP/1.1 of the core's own is spoken on.
 *
 * @module
 */

import { setImmediate, setTimeout } from "node:timers";
import { systemClock } from "../../src/runtime.ts";
import { StreamWire, type Wire } from "../../src/http1/wire.ts";
import { SocketTransport } from "../../src/transport/socket-transport.ts";
import { type Dialler, dial } from "./dial.ts";
import { SocketBytes } from "./socket-bytes.ts";

/** Opens a pool whose connections are made by a dialler. */
export function openSocketPool(dialler: Dialler): SocketTransport {
  return new SocketTransport({
    maxConnections: dialler.options.maxConnections ?? Infinity,
    async connect(target, signal): Promise<Wire> {
      const stream = await dial(dialler, target, signal);
      return stream instanceof SocketBytes ? stream : new StreamWire(stream);
    },
    now: systemClock.now,
    async settle() {
      // The first turn may be that of events which were collected before; the second looks for others.
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
    later(callback, delayMs) {
      const timer = setTimeout(callback, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
  });
}
