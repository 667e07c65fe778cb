/**
 * The trust layer alone: a `fetch` for any internal service, whose CA bundle reloads.
 *
 * @module
 */

import { notify } from "../events.ts";
import { checkKnown, checkObject } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import type { CaSource } from "../sources/ca-source.ts";
import type { ClientCertSource } from "../sources/client-cert-source.ts";
import type { CaStatus } from "../rotation/anchor-use.ts";
import type { SourceStatus } from "../sources/source.ts";
import type { GenerationStatus } from "../rotation/generation.ts";
import type { TrustWaitStatus } from "../rotation/trust-renewal.ts";
import { withRedirects } from "./redirects.ts";
import { withRepeats } from "./repeats.ts";
import { type FetchInit, readRequest } from "./request.ts";
import {
  type TransportSettings,
  openRotatingTransport,
  transportSettingNames,
} from "./transport-settings.ts";

/** How to make a `fetch`. */
export interface CreateFetchOptions extends TransportSettings {
  /** Who may vouch for servers; without it, the runtime's default store. */
  ca?: CaSource | undefined;
  /** What this client proves its identity with to each server that asks (mutual TLS). Not on edge. */
  clientCert?: ClientCertSource | undefined;
  /** The name that the servers' certificates must carry, if it is not the URL's. Not on edge. */
  serverName?: string | undefined;
  /**
   * The proxy to go through; `capabilities.proxies` says which kinds. The environment is not looked at,
   * unless the runtime does so itself (`capabilities.followsProxyEnvironment`).
   */
  proxy?: string | URL | undefined;
}

/** How a {@link RotatingFetch} is doing. */
export interface FetchStatus {
  /** The CA bundle; `undefined` if the runtime's own store is used. */
  readonly ca: CaStatus | undefined;
  /** The client certificate; `undefined` if there is none. */
  readonly clientCert: SourceStatus | undefined;
  /** The pools that have connections: the one in use, and retired ones that still drain. */
  readonly generations: readonly GenerationStatus[];
  /** The servers that requests wait for, since they are not trusted for a while; see `trustWaitMs`. */
  readonly waitingForTrust: readonly TrustWaitStatus[];
  /**
   * Whether servers' certificates may go unverified, because of a flag of the runtime: Deno's
   * `--unsafely-ignore-certificate-errors`.
   */
  readonly insecure: boolean;
}

/**
 * A `fetch` whose trust reloads. Redirects are followed for GET and HEAD within an origin, and handed
 * back else.
 */
export interface RotatingFetch extends AsyncDisposable {
  /**
   * Sends a request.
   *
   * @throws {UntrustedServerError} if the server's certificate is rejected, also after a reload.
   * @throws {ConnectionError | TimeoutError | ClosedError} if no response came.
   * @throws {TypeError} if it is no https URL, or no request.
   */
  (input: string | URL | Request, init?: FetchInit): Promise<Response>;
  /** How the bundle and the connections are doing. */
  status(): FetchStatus;
  /** Ends every connection, in flight or idle. */
  close(): Promise<void>;
}

const ownOptionNames: readonly string[] = ["ca", "clientCert", "serverName", "proxy"];

/**
 * Gives `createFetch()` its runtime.
 *
 * @param moreNames Names of options that the runtime adds.
 */
export function bindCreateFetch(
  runtime: Runtime,
  moreNames: readonly string[] = [],
): (options?: CreateFetchOptions) => RotatingFetch {
  return (options = {}) => {
    runtime.checkHost?.();
    const names = [...ownOptionNames, ...transportSettingNames, ...moreNames];
    const hint = "pass { ca: fileCaSource(path) } or the like";
    checkObject("the options of createFetch", options, hint);
    checkKnown("createFetch", options, names);
    const { ca, clientCert, serverName, proxy } = options;
    const ends = { ca, clientCert, serverName, proxy };
    const opened = openRotatingTransport(runtime, { ends, settings: options });
    const { transport, timeoutMs, inFlight, insecure, close } = opened;
    if (insecure !== undefined) {
      notify(options.onEvent, { type: "insecure", server: undefined, reason: insecure });
    }
    const send = withRepeats((request) => transport.send(request), withRedirects);

    async function rotatingFetch(
      input: string | URL | Request,
      init: FetchInit = {},
    ): Promise<Response> {
      const [request, text] = input instanceof Request ? [input, input.url] : [undefined, input];
      const url = URL.parse(text);
      if (url?.protocol !== "https:") {
        throw new TypeError("Cannot fetch: the URL is not an absolute https URL");
      }
      const outgoing = await readRequest(url, { request, init, timeoutMs, clock: runtime.clock });
      const response = await inFlight.send(outgoing, send);
      return response.toResponse();
    }

    return Object.assign(rotatingFetch, {
      status: () => ({
        ca: transport.caStatus,
        clientCert: clientCert?.status,
        generations: transport.generations,
        waitingForTrust: inFlight.trustWait?.status ?? [],
        insecure: insecure !== undefined,
      }),
      close,
      [Symbol.asyncDispose]: close,
    });
  };
}
