/**
 * A rotating transport over a fake runtime, and a bundle that a test rewrites.
 *
 * @module
 */

import type { ReanchorEvent } from "../../../src/events.ts";
import type { TransportResponse } from "../../../src/runtime.ts";
import { type CaSource, createFunctionCaSource } from "../../../src/sources/ca-source.ts";
import type { ClientCertSource } from "../../../src/sources/client-cert-source.ts";
import type { OutgoingBody, OutgoingRequest } from "../../../src/transport/request.ts";
import { type PeerSettings, checkPeers } from "../../../src/transport/peers.ts";
import {
  RotatingTransport,
  type RotatingTransportOptions,
} from "../../../src/transport/rotating-transport.ts";
import { anchorPem } from "./certificates.ts";
import { type FakeRuntime, type FakeRuntimeOptions, createFakeRuntime } from "./fake-runtime.ts";
import { outgoing } from "./outgoing.ts";

/** The bundle before the rotation. */
export const oldCa: string = anchorPem("kubernetes", 1);
/** The bundle after it. Both carry the same subject, as in a real cluster. */
export const newCa: string = anchorPem("kubernetes", 2);

/** What {@linkcode createRotation} can be told. */
export interface RotationOptions {
  readonly runtime?: FakeRuntimeOptions;
  /** The bundle at first. @default the old CA */
  readonly pem?: string;
  /** @default Infinity */
  readonly drainTimeoutMs?: number;
  /** Makes what the client shows. @default nothing */
  readonly clientCert?: (runtime: FakeRuntime) => ClientCertSource;
}

/** See the module. */
export interface Rotation {
  readonly runtime: FakeRuntime;
  readonly source: CaSource;
  readonly transport: RotatingTransport;
  readonly events: ReanchorEvent[];
  /** Changes what the next read of the bundle gives. */
  write(pem: string): void;
  /** How often the bundle was read. */
  reads(): number;
  get(): Promise<TransportResponse>;
  post(body: OutgoingBody, parts?: Partial<OutgoingRequest>): Promise<TransportResponse>;
}

/** Opens a transport with the defaults of a client. */
export function openTransport(
  runtime: FakeRuntime,
  ends: PeerSettings,
  options: Partial<RotatingTransportOptions> = {},
): RotatingTransport {
  const fixed = {
    connectTimeoutMs: 10_000,
    exclusiveTrust: false,
    repeatsHeaders: false,
    closing: new AbortController().signal,
  };
  return new RotatingTransport(runtime, {
    ...fixed,
    peers: checkPeers(runtime, ends, fixed),
    drainTimeoutMs: Number.POSITIVE_INFINITY,
    onEvent: undefined,
    ...options,
  });
}

/** Makes one. */
export function createRotation(options: RotationOptions = {}): Rotation {
  let pem = options.pem ?? oldCa;
  let reads = 0;
  const runtime = createFakeRuntime(options.runtime);
  const events: ReanchorEvent[] = [];
  const source = createFunctionCaSource(runtime, () => {
    reads++;
    return pem;
  });
  const transport = openTransport(
    runtime,
    { ca: source, clientCert: options.clientCert?.(runtime) },
    {
      drainTimeoutMs: options.drainTimeoutMs ?? Number.POSITIVE_INFINITY,
      onEvent: (event) => events.push(event),
    },
  );
  return {
    runtime,
    source,
    transport,
    events,
    write(next) {
      pem = next;
    },
    reads: () => reads,
    get: async () => await transport.send(outgoing("/api?token=sesame")),
    post: async (body, parts) =>
      await transport.send(outgoing("/api", { method: "POST", body, ...parts })),
  };
}
