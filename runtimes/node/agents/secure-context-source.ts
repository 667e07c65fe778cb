/**
 * Trust that reloads for whatever speaks TLS by `node:tls`.
 *
 * @module
 */

import type { ConnectionOptions, TLSSocket } from "node:tls";
import type { AgentStatus, Attempt, TlsSettings } from "./tls-connections.ts";
import { type AgentOptions, openConnections } from "./drop-in-options.ts";
import { type TrustOverride, rejectTrustOverrides } from "./trust-overrides.ts";

/** What `connect` takes of `node:tls`: all but what the sources say. */
export interface TlsConnectOptions extends Omit<ConnectionOptions, TrustOverride | "socket"> {
  /** Ends the attempt. */
  signal?: AbortSignal | undefined;
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
   * To be called when a handshake failed: reads the bundle again if the server was rejected. Each rotation has its
   * own tries, however long a program keeps what it got.
   *
   * @param used What the handshake was made with, as {@link SecureContextSource.current} or this gave it.
   * @param error Why it failed.
   * @returns What to try with next; `undefined` if it would fail as well.
   */
  afterFailure(used: TlsSettings, error: unknown): Promise<TlsSettings | undefined>;
  /**
   * Connects, with that retry, and resolves when the server's certificate has been accepted.
   *
   * @throws {UntrustedServerError} if it is rejected, also after a reload.
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
 * // const client = new pg.Client({ host: "db.internal", ssl: await trust.current() });
 * console.log(trust.status().generations.length); // 0: the first connection opens one.
 * trust.close();
 * ```
 */
export function createSecureContextSource(options: AgentOptions = {}): SecureContextSource {
  const connections = openConnections("createSecureContextSource", options);
  const attempts = new WeakMap<TlsSettings, Attempt>();

  function settingsOf(attempt: Attempt): TlsSettings {
    const settings = connections.settings(attempt, () => {
      // What fails from now on is another rotation, with tries of its own.
      attempts.set(settings, { ...attempt, rejectedBy: [], newer: 0 });
    });
    attempts.set(settings, attempt);
    return settings;
  }

  return {
    current: async () => settingsOf(await connections.first()),
    async afterFailure(used, error) {
      const attempt = attempts.get(used);
      if (attempt === undefined) {
        throw new TypeError(
          "Cannot continue after a failure: this source did not return these settings",
        );
      }
      const next = await connections.next(attempt, error);
      return next && settingsOf(next);
    },
    connect: async ({ signal, ...target }) =>
      await connections.connect(checkTarget(target), signal),
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
    "Cannot connect by option socket: a rejected server needs a second one; use current() and afterFailure()",
  );
}
