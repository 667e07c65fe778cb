/**
 * Connections on Deno that trust nothing but the CA bundle, by way of `node:https`: `fetch` there adds a
 * bundle to its default store. One `Agent` a generation, and so one TLS session cache a generation.
 *
 * @module
 */

import type { Transport, TransportOptions } from "../../src/runtime.ts";

/** Opens a pool of connections. `node:https` is reached when the first request goes out. */
export function openExclusiveTransport(
  _ca: readonly string[],
  _options: TransportOptions,
): Transport {
  throw new Error("pending");
}
