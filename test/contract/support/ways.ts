/**
 * The ways in which this runtime carries requests.
 *
 * @module
 */

import type { TransportSettings } from "../../../src/index.ts";
import { entry, http } from "./entry.ts";

/** One of them. */
export interface Way {
  readonly way: string;
  /** Whether the server offers HTTP/2. */
  readonly http2: boolean;
  /** What the client is told. */
  readonly settings: TransportSettings;
  /** What is spoken, as `/echo` says it. */
  readonly httpVersion: "1.1" | "2.0";
}

const http1: Way = {
  way: "HTTP/1.1",
  http2: false,
  settings: {},
  httpVersion: "1.1",
};
const http2: Way = { ...http1, way: "HTTP/2", http2: true, httpVersion: "2.0" };
/** HTTP/2 is offered, and not taken. */
const sockets: Way = { ...http1, way: "HTTP/1.1 over sockets", http2: true };

/** All of them: Deno's `fetch` takes HTTP/2 where it is offered. */
export const ways: readonly Way[] = waysOf();

function waysOf(): readonly Way[] {
  if (http === "sockets") return [sockets];
  return entry.runtime.capabilities.http2 ? [http1, http2] : [http1];
}
