/**
 * Connections whose handshake did not end too late.
 *
 * @module
 */

import type { PoolOptions } from "../../src/runtime.ts";
import type { Dial } from "./connection-attempts.ts";

/** Connects as `dial` does, and closes a connection that may not be used any more. */
export function rejectLateHandshakes(dial: Dial, confirm: PoolOptions["confirm"]): Dial {
  return async (target, signal) => {
    const socket = await dial(target, signal);
    if (target.protocol === "http:") return socket; // There is no trust in http.
    try {
      await confirm();
      return socket;
    } catch (error) {
      socket.once("error", () => {}); // Nobody else listens.
      socket.destroy();
      throw error;
    }
  };
}
