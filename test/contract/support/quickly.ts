/**
 * A client that does not make a test wait for its delays.
 *
 * @module
 */

import type { ConnectOptions, TransportSettings } from "../../../src/index.ts";
import { quickClock } from "../../support/quick-clock.ts";
import { entry } from "./entry.ts";
import { type Cluster, type ObservedClient, observe } from "./scene.ts";

/** By how much its clock is faster. */
const HURRY = 20;

/** Connects on a clock that is {@linkcode HURRY} times as fast. */
export async function connectQuickly(options: ConnectOptions): Promise<ObservedClient> {
  return await observe({ ...entry.runtime, clock: quickClock(HURRY) }, options);
}

/** The same to a cluster of which anyone may ask. */
export async function connectQuicklyTo(
  { ca, server }: Cluster,
  settings: TransportSettings,
): Promise<ObservedClient> {
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  return await connectQuickly({ config, ...settings });
}
