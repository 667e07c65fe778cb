/**
 * A rotating transport over a fake runtime, and a bundle that a test rewrites.
 *
 * @module
 */

import { ClosedError } from "../../../src/errors.ts";
import type { ReanchorEvent } from "../../../src/events.ts";
import type { TransportResponse } from "../../../src/runtime.ts";
import { type CaSource, bindFunctionCaSource } from "../../../src/sources/ca-source.ts";
import type { ClientCertSource } from "../../../src/sources/client-cert-source.ts";
import { InFlight } from "../../../src/transport/in-flight.ts";
import type { OutgoingBody, OutgoingRequest } from "../../../src/transport/request.ts";
import { type TrustOptions, checkTrustOptions } from "../../../src/rotation/trust-settings.ts";
import {
  RotatingTransport,
  type RotatingTransportOptions,
} from "../../../src/transport/rotating-transport.ts";
import { anchorPem } from "./certificates.ts";
import { type FakeRuntime, type FakeRuntimeOptions, createFakeRuntime } from "./fake-runtime.ts";
import { outgoing } from "./outgoing.ts";

/** The bundle before the rotation. */
export const oldCa: string = anchorPem("kubernetes", 1);
/** The bundle after it. Both have the same subject, as in a real cluster. */
export const newCa: string = anchorPem("kubernetes", 2);

const FOREVER = Number.POSITIVE_INFINITY;

/** The options of {@linkcode createRotation}. */
export interface RotationOptions {
  readonly runtime?: FakeRuntimeOptions;
  /** The initial bundle. @default the old CA */
  readonly pem?: string;
  /** @default Infinity */
  readonly drainTimeoutMs?: number;
  /** Creates the client certificate source. @default nothing */
  readonly clientCert?: (runtime: FakeRuntime) => ClientCertSource;
}

/** See the module. */
export interface Rotation {
  readonly runtime: FakeRuntime;
  readonly source: CaSource;
  readonly transport: RotatingTransport;
  readonly events: ReanchorEvent[];
  /** Changes the result of the bundle's next read. */
  write(pem: string): void;
  /** How often the bundle has been read. */
  reads(): number;
  get(): Promise<TransportResponse>;
  /** Ends everything in flight, and rejects further requests. */
  close(): Promise<void>;
  post(body: OutgoingBody, parts?: Partial<OutgoingRequest>): Promise<TransportResponse>;
}

/** Opens a transport with the defaults of a client. */
export function openTransport(
  runtime: FakeRuntime,
  ends: TrustOptions,
  options: Partial<RotatingTransportOptions> = {},
): RotatingTransport {
  const fixed = {
    connectTimeoutMs: 10_000,
    exclusiveTrust: false,
    repeatsHeaders: false,
  };
  return new RotatingTransport(runtime, {
    ...fixed,
    settings: checkTrustOptions(runtime, ends, fixed),
    drainTimeoutMs: FOREVER,
    onEvent: undefined,
    ...options,
  });
}

/** Creates the transport and its bundle. */
export function createRotation(options: RotationOptions = {}): Rotation {
  let pem = options.pem ?? oldCa;
  let reads = 0;
  const runtime = createFakeRuntime(options.runtime);
  const events: ReanchorEvent[] = [];
  const source = bindFunctionCaSource(runtime)(() => {
    reads++;
    return pem;
  });
  const transport = openTransport(
    runtime,
    { ca: source, clientCert: options.clientCert?.(runtime) },
    {
      drainTimeoutMs: options.drainTimeoutMs ?? FOREVER,
      onEvent: (event) => events.push(event),
    },
  );
  const inFlight = new InFlight(runtime.clock);
  async function send(request: OutgoingRequest): Promise<TransportResponse> {
    return await inFlight.send(request, (timed) => transport.send(timed));
  }
  return {
    runtime,
    source,
    transport,
    events,
    write(next) {
      pem = next;
    },
    reads: () => reads,
    get: async () => await send(outgoing("/api?token=sesame", { timeoutMs: FOREVER })),
    post: async (body, parts) =>
      await send(outgoing("/api", { method: "POST", body, timeoutMs: FOREVER, ...parts })),
    async close() {
      const reason = new ClosedError();
      inFlight.close(reason);
      await transport.close(reason);
    },
  };
}
