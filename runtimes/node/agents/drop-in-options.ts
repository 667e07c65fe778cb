/**
 * The options that the drop-ins have in common: those of `createFetch` that are about connections.
 *
 * @module
 */

import { type DurationRange, checkDuration, checkKnown, timeLimit } from "../../../src/options.ts";
import type { EventListener } from "../../../src/events.ts";
import type { CreateFetchOptions } from "../../../src/transport/create-fetch.ts";
import { type TrustOptions, checkTrustOptions } from "../../../src/rotation/trust-settings.ts";
import { checkDistances } from "../../../src/rotation/expiry-warnings.ts";
import { checkTrustWaitMs } from "../../../src/rotation/trust-wait.ts";
import { nodeRuntime } from "../runtime.ts";
import { TlsConnections } from "./tls-connections.ts";

/** Whom to trust, what to show, and how connections come and go. */
export interface AgentOptions extends Pick<
  CreateFetchOptions,
  "ca" | "clientCert" | "serverName" | "serverIdentity" | "proxy"
> {
  /**
   * How long one attempt to connect may take, TLS included, in milliseconds.
   *
   * @default 10_000
   */
  connectTimeoutMs?: number | undefined;
  /**
   * How long connections of a replaced trust may continue with what they carry, in milliseconds.
   *
   * @default Infinity
   */
  drainTimeoutMs?: number | undefined;
  /**
   * How long a connection waits at most for a server to be trusted again that was verified before, in milliseconds;
   * see `trustWaitMs` of `createFetch`. 0 turns waiting off. A wait that `afterFailure` of a secure context source
   * begins ends once the bundle has changed.
   *
   * @default 10_000
   */
  trustWaitMs?: number | undefined;
  /**
   * How long before an anchor of the CA bundle or the client certificate expires a `ca-expiring` or
   * `client-cert-expiring` event is emitted, in milliseconds; once for each certificate and distance.
   *
   * @default 30 days, 7 days and 1 day; but no more than a fifth, a twentieth and a hundredth of its lifetime
   */
  warnBeforeExpiryMs?: readonly number[] | undefined;
  /**
   * Told of every reload, generation and retry. A connection that is tried again is a `retry` whose method
   * is `CONNECT`, and whose path is the server's host and port. What it throws is dropped.
   */
  onEvent?: EventListener | undefined;
}

const optionNames: readonly (keyof AgentOptions)[] = [
  "ca",
  "clientCert",
  "serverName",
  "serverIdentity",
  "proxy",
  "connectTimeoutMs",
  "drainTimeoutMs",
  "warnBeforeExpiryMs",
  "trustWaitMs",
  "onEvent",
];

const connectLimit: DurationRange = { min: 1, max: 600_000 };

/**
 * Makes the connections that a drop-in's options describe.
 *
 * @param what The function that the options are of, for messages.
 * @param more Names of its options beside these.
 */
export function openConnections(
  what: string,
  options: AgentOptions,
  more: readonly string[] = [],
): TlsConnections {
  checkKnown(what, options, [...optionNames, ...more]);
  const { ca, clientCert, serverName, serverIdentity, proxy } = options;
  return connectionsTo({ ca, clientCert, serverName, serverIdentity, proxy }, options);
}

/** As {@link openConnections}, for servers that may also go unverified. */
export function connectionsTo(
  trust: TrustOptions,
  {
    connectTimeoutMs,
    drainTimeoutMs,
    trustWaitMs,
    warnBeforeExpiryMs,
    onEvent,
  }: Pick<
    AgentOptions,
    "connectTimeoutMs" | "drainTimeoutMs" | "trustWaitMs" | "onEvent" | "warnBeforeExpiryMs"
  >,
): TlsConnections {
  const transport = {
    connectTimeoutMs: checkDuration("connectTimeoutMs", connectTimeoutMs, connectLimit) ?? 10_000,
    exclusiveTrust: false,
    repeatsHeaders: false,
  };
  return new TlsConnections({
    settings: checkTrustOptions(nodeRuntime, trust, transport),
    connectTimeoutMs: transport.connectTimeoutMs,
    drainTimeoutMs: checkDuration("drainTimeoutMs", drainTimeoutMs, timeLimit) ?? Infinity,
    trustWaitMs: checkTrustWaitMs(trustWaitMs),
    onEvent,
    warnBeforeExpiryMs: checkDistances(warnBeforeExpiryMs),
  });
}
