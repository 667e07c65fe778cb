/**
 * Trust that reloads for whatever speaks TLS by `node:tls`.
 *
 * @module
 */

import type { ConnectionOptions, TLSSocket } from "node:tls";
import { ConfigError } from "../../../src/errors.ts";
import { requireNode } from "../../_shared/present-runtime.ts";
import type {
  AgentStatus,
  Attempt,
  StreamOpener,
  TlsSettings,
  TrustingConnection,
} from "./tls-connections.ts";
import { handshakeFailure } from "./driver-failure.ts";
import { liveSettings } from "./live-settings.ts";
import { type AgentOptions, openConnections } from "./drop-in-options.ts";
import { type TrustOverride, rejectTrustOverrides } from "./trust-overrides.ts";

/** What `connect` takes of `node:tls`: all but what the sources say. */
export interface TlsConnectOptions extends Omit<ConnectionOptions, TrustOverride | "socket"> {
  /** Ends the attempt. */
  signal?: AbortSignal | undefined;
  /**
   * Opens what TLS is spoken over, if that is not a connection to `host` and `port`: for protocols that begin in
   * plain text and change to TLS, such as SMTP with STARTTLS. Called for each attempt, with a signal that ends it.
   *
   * @default a connection to `host` and `port`, through the proxy if there is one
   */
  openStream?: StreamOpener | undefined;
}

/** What settings were made for. */
interface Made {
  readonly attempt: Attempt;
  readonly trusting: TrustingConnection;
}

/** Trust that reloads, for `node:tls`. */
export interface SecureContextSource extends Disposable {
  /**
   * What a connection made now needs, to be spread into the options of `tls.connect`, or of a driver that
   * passes them on. Good for connections of this moment, not to be kept.
   *
   * @throws {SourceError} if a source has never been read.
   */
  current(): Promise<TlsSettings>;
  /**
   * As {@link SecureContextSource.current}, to be kept: each connection that is made with these settings, or with a
   * copy of them, has the trust of its moment. For drivers that keep what they are given and connect again by
   * themselves. A connection that meets a rotation first may be rejected: the bundle is read again meanwhile, for
   * the next one. Node only.
   *
   * @throws {SourceError} if a source has never been read.
   * @throws {ConfigError} on Deno and Bun.
   */
  live(): Promise<TlsSettings>;
  /**
   * To be called when a handshake failed: reads the bundle again if the server was rejected, and waits up to
   * `trustWaitMs` for another one if this source's settings have verified a server before. Each rotation has its own
   * tries, however long a program keeps what it got.
   *
   * @param used What the handshake was made with, as {@link SecureContextSource.current} or this gave it.
   * @param error Why it failed: the error of `node:tls`, or a driver's that has it as a cause or in its text.
   * @returns What to try with next; `undefined` if it would fail as well.
   */
  afterFailure(used: TlsSettings, error: unknown): Promise<TlsSettings | undefined>;
  /**
   * Connects, with that retry, and resolves when the server's certificate has been accepted.
   *
   * @throws {UntrustedServerError} if it is rejected, also after a reload.
   * @throws {ConfigError} if the options say something about trust, or `openStream` meets a proxy.
   * @throws {Error} if there is no connection, with Node's own code.
   */
  connect(options: TlsConnectOptions): Promise<TLSSocket>;
  /** How the trust and the connections that `connect` made are doing. */
  status(): AgentStatus;
  /** Ends those connections, and makes no more. */
  close(): void;
}

/**
 * Makes trust that reloads, for whatever speaks TLS by `node:tls`: drivers of databases, gRPC, a protocol
 * of one's own.
 *
 * @param options Whom to trust, and what to show; see {@link AgentOptions}.
 * @returns A source, to be closed.
 * @throws {ConfigError} if options contradict one another.
 *
 * @example
 * ```ts
 * import { createSecureContextSource } from "@reanchor/reanchor/agents";
 * import { fileCaSource } from "@reanchor/reanchor/node";
 *
 * const trust = createSecureContextSource({ ca: fileCaSource("/etc/internal-ca/ca.crt") });
 * // const socket = await trust.connect({ host: "redis.internal", port: 6379 });
 * // const client = createClient({ socket: { host, port, tls: true, ...(await trust.live()) } });
 * console.log(trust.status().generations.length); // 0: the first connection opens one.
 * trust.close();
 * ```
 */
export function createSecureContextSource(options: AgentOptions = {}): SecureContextSource {
  const connections = openConnections("createSecureContextSource", options);
  const made = new WeakMap<TlsSettings, Made>();

  function settingsOf(attempt: Attempt, trusting?: TrustingConnection): TlsSettings {
    const settings = connections.settings(attempt, () => {
      // What fails from now on is another rotation, with tries and a wait of its own.
      const fresh = { ...attempt, rejectedBy: [], newer: 0 };
      remember(settings, fresh);
      connections.noteTrusted();
    });
    remember(settings, attempt, trusting);
    return settings;
  }

  function remember(
    settings: TlsSettings,
    attempt: Attempt,
    trusting = connections.trusting(undefined),
  ): void {
    made.set(settings, { attempt, trusting });
  }

  return {
    current: async () => settingsOf(await connections.first()),
    async live() {
      requireNode("live()", "connect by connect(), or with the settings of current()");
      await connections.refresh();
      return liveSettings(connections, remember);
    },
    async afterFailure(used, error) {
      const of = made.get(used);
      if (of === undefined) {
        throw new TypeError(
          "Cannot continue after a failure: this source did not return these settings",
        );
      }
      const { attempt, trusting } = of;
      const failure = handshakeFailure(error);
      const next =
        (await connections.next(attempt, failure)) ??
        (await connections.nextTrusted(attempt, failure, trusting));
      return next && settingsOf(next, trusting);
    },
    async connect({ signal, openStream, ...target }) {
      if (openStream !== undefined && connections.trustSettings.proxy !== undefined) {
        throw new ConfigError(
          "Cannot connect by option openStream: the source has a proxy to go through; drop one of the two",
        );
      }
      return await connections.connect(checkTarget(target), { signal, openStream });
    },
    status: () => connections.status,
    close: () => connections.close(),
    [Symbol.dispose]: () => connections.close(),
  };
}

/** TLS can be tried but once on a socket. */
function checkTarget(options: ConnectionOptions): ConnectionOptions {
  rejectTrustOverrides(options);
  if (options.socket === undefined) return options;
  throw new TypeError(
    "Cannot connect by option socket: a rejected server needs a second one; open it by option openStream, or use current() and afterFailure()",
  );
}
