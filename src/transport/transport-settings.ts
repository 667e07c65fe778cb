/**
 * The options that connections have in common, whether to a cluster or to any other service.
 *
 * @module
 */

import type { ServerIdentity } from "../certificates/spiffe-id.ts";
import { ClosedError, ConfigError } from "../errors.ts";
import type { EventListener, InsecureEvent } from "../events.ts";
import { type DurationRange, checkCount, checkDuration, checkFlag, timeLimit } from "../options.ts";
import type { Runtime, TransportOptions } from "../runtime.ts";
import type { TrustRenewal } from "../rotation/trust-renewal.ts";
import { TrustWait, checkTrustWaitMs } from "../rotation/trust-wait.ts";
import { type Http, chooseHttp } from "./http-way.ts";
import { InFlight, type InFlightOptions } from "./in-flight.ts";
import {
  type TrustOptions,
  type TrustSettings,
  checkTrustOptions,
} from "../rotation/trust-settings.ts";
import { checkDistances } from "../rotation/expiry-warnings.ts";
import { RotatingTransport } from "./rotating-transport.ts";

const connectLimit: DurationRange = { min: 1, max: 600_000 };

/** How connections behave. */
export interface TransportSettings {
  /**
   * How long a request may take up to its response's headers, retries included, in milliseconds;
   * `Infinity` for no limit. The API server ends an ordinary request by itself after 60 s.
   *
   * It then limits how long an answer may stall that is read as a whole, as those of `get()` and of every typed
   * verb, and errors: the time between two pieces, and the time in which 16 KiB come. The body of a `fetch()`, a
   * watch or a log has no time limit.
   *
   * @default 90_000
   */
  timeoutMs?: number | undefined;
  /**
   * By whose HTTP requests are carried. `"runtime"`: undici on Node, `fetch` on Deno and Bun. `"sockets"`: HTTP/1.1
   * of this library's own, over TLS sockets of the runtime: less work for each request, the same behavior
   * everywhere, and on Deno nothing but the CA bundle is trusted. `docs/connecting.md` compares the two. Node,
   * Deno and Bun.
   *
   * @default "runtime"; on Deno `"sockets"` if a setting needs it, such as `exclusiveTrust`
   */
  http?: Http | undefined;
  /**
   * How many connections each server may have at once. Requests beyond that wait, in order. Only if `http` is
   * `"sockets"`.
   *
   * @default Infinity
   */
  maxConnections?: number | undefined;
  /**
   * How long connecting may take, TLS included, in milliseconds. On Node, and if `http` is
   * `"sockets"`: elsewhere `timeoutMs` covers it (`capabilities.connectTimeout`).
   *
   * @default 10_000
   */
  connectTimeoutMs?: number | undefined;
  /**
   * How long requests and streams on connections of a replaced trust may continue, in milliseconds.
   *
   * @default Infinity
   */
  drainTimeoutMs?: number | undefined;
  /**
   * How long a request waits for trust at most, in milliseconds, within its own `timeoutMs`; 0 turns waiting off, and
   * `Infinity` leaves it to `timeoutMs`. A request waits if this client has verified its server before, but the
   * present CA bundle does not vouch for the server's certificate, as when a cluster rotates its certificate before
   * the bundle arrives. The bundle is read again each `cooldownMs`, nothing is sent to the server, and the request is
   * sent once the server is trusted. A server that this client has never verified, and a wrong host name, are errors
   * at once; so is every rejection if neither the bundle nor the kubeconfig can change. It has no effect on edge,
   * where trust is the platform's.
   *
   * @default 10_000
   */
  trustWaitMs?: number | undefined;
  /**
   * Whether nothing but the CA bundle may vouch for the server. Node and Bun do that always; Deno adds
   * the bundle to its default store unless this is `true`: requests there then go by `http: "sockets"`. Rejected
   * on edge.
   *
   * @default false
   */
  exclusiveTrust?: boolean | undefined;
  /**
   * Which server to expect, in place of the URL's host name: a SPIFFE ID, as in
   * `spiffe://example.org/ns/shop/sa/billing`, or a function over the names of the server's certificate. The CA
   * bundle must vouch for the certificate all the same, so there must be one. A server of another identity is
   * rejected with an {@link UntrustedServerError} of the reason `wrong-host`. It can't be combined with a
   * `serverName`. On Deno, requests then go by `http: "sockets"`. Rejected on edge.
   */
  serverIdentity?: ServerIdentity | undefined;
  /**
   * How long before an anchor of the CA bundle or the client certificate expires a `ca-expiring` or
   * `client-cert-expiring` event is emitted, in milliseconds; once for each certificate and distance, and when a
   * request is made. `[]` for never.
   *
   * @default 30 days, 7 days and 1 day; but no more than a fifth, a twentieth and a hundredth of its lifetime
   */
  warnBeforeExpiryMs?: readonly number[] | undefined;
  /** Told of every reload, generation and retry. What it throws is dropped. */
  onEvent?: EventListener | undefined;
}

/** Names of {@link TransportSettings}, to find a misspelt one. */
export const transportSettingNames: readonly (keyof TransportSettings)[] = [
  "timeoutMs",
  "http",
  "maxConnections",
  "connectTimeoutMs",
  "drainTimeoutMs",
  "trustWaitMs",
  "exclusiveTrust",
  "serverIdentity",
  "warnBeforeExpiryMs",
  "onEvent",
];

/** The settings out of the options of something larger. */
export function pickTransportSettings({
  timeoutMs,
  http,
  maxConnections,
  connectTimeoutMs,
  drainTimeoutMs,
  trustWaitMs,
  exclusiveTrust,
  serverIdentity,
  warnBeforeExpiryMs,
  onEvent,
}: TransportSettings): TransportSettings {
  const limits = { timeoutMs, connectTimeoutMs, drainTimeoutMs, trustWaitMs };
  const trust = { exclusiveTrust, serverIdentity, warnBeforeExpiryMs };
  return { ...limits, http, maxConnections, ...trust, onEvent };
}

/** What a transport is opened for. */
export interface TransportUse {
  readonly ends: TrustOptions;
  readonly settings: TransportSettings;
  /** Whether requests will have several lines of one header. */
  readonly repeatsHeaders?: boolean;
  /** The requests of the client whose transport it is, where that has others. */
  readonly inFlight?: InFlight | undefined;
}

/** What a client sends by. */
export interface OpenTransport {
  readonly transport: RotatingTransport;
  /** Why servers may go unverified; `undefined` if they never do. */
  readonly insecure: InsecureEvent["reason"] | undefined;
  /** The time limit of a request that names none. */
  readonly timeoutMs: number;
  /** By which its requests are sent. */
  readonly inFlight: InFlight;
  /** Ends every request, whatever it waits for, and every connection; those too that are retired. */
  close(): Promise<void>;
}

/**
 * Opens the transport that settings describe.
 *
 * @throws {TypeError | RangeError} if a setting is none. @throws {ConfigError} if the runtime can't
 * honour one.
 */
export function openRotatingTransport(
  host: Runtime,
  { ends, settings, repeatsHeaders = false, inFlight: given }: TransportUse,
): OpenTransport {
  const { connectTimeoutMs, drainTimeoutMs, serverIdentity, onEvent } = settings;
  const exclusiveTrust = checkFlag("exclusiveTrust", settings.exclusiveTrust);
  const used = { ...ends, exclusiveTrust, serverIdentity, repeatsHeaders };
  const { runtime, http } = chooseHttp(host, settings.http, used);
  if (http === "runtime" && settings.maxConnections !== undefined) {
    throw new ConfigError('Cannot use option maxConnections: it needs http to be "sockets"');
  }
  const forever = Number.POSITIVE_INFINITY;
  const timeoutMs = checkDuration("timeoutMs", settings.timeoutMs, timeLimit) ?? 90_000;
  const options: TransportOptions = {
    connectTimeoutMs: checkDuration("connectTimeoutMs", connectTimeoutMs, connectLimit) ?? 10_000,
    exclusiveTrust,
    repeatsHeaders,
    maxConnections: checkCount("maxConnections", settings.maxConnections, "connections") ?? forever,
  };
  const trust = checkTrustOptions(runtime, { ...ends, serverIdentity }, options);
  const inFlight = given ?? openInFlight(runtime, settings, { renewal: () => transport });
  const transport: RotatingTransport = new RotatingTransport(runtime, {
    ...options,
    settings: trust,
    drainTimeoutMs: checkDuration("drainTimeoutMs", drainTimeoutMs, timeLimit) ?? forever,
    onEvent,
    warnBeforeExpiryMs: checkDistances(settings.warnBeforeExpiryMs),
    // A server that answers unverified has not been trusted.
    trustWait: insecureReason(trust) === undefined ? inFlight.trustWait : undefined,
    warned: inFlight.warned,
  });
  return {
    transport,
    insecure: insecureReason(trust),
    timeoutMs,
    inFlight,
    async close() {
      const reason = new ClosedError();
      inFlight.close(reason);
      await transport.close(reason);
    },
  };
}

/** What stands around the requests of a client. */
export interface InFlightUse extends Pick<InFlightOptions, "observer"> {
  /** What may bring trust back. */
  readonly renewal: () => TrustRenewal<URL>;
}

/**
 * Makes what holds the requests of a client, which wait for trust as settings say.
 *
 * @throws {TypeError | RangeError} if a setting is none.
 */
export function openInFlight(
  { clock, capabilities }: Pick<Runtime, "clock" | "capabilities">,
  { trustWaitMs, onEvent }: TransportSettings,
  { renewal, observer }: InFlightUse,
): InFlight {
  const limitMs = checkTrustWaitMs(trustWaitMs);
  const trustWait = capabilities.recognisesUntrustedServers
    ? new TrustWait({ clock, limitMs, onEvent, renewal })
    : undefined;
  return new InFlight(clock, { observer, trustWait });
}

function insecureReason({
  insecureSkipTlsVerify,
  ignoresCertificateErrors,
}: TrustSettings): InsecureEvent["reason"] | undefined {
  if (insecureSkipTlsVerify) return "config";
  return ignoresCertificateErrors ? "runtime-flag" : undefined;
}
