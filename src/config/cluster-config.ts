/**
 * Where to connect and as whom.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { CaSource } from "../sources/ca-source.ts";
import type { TokenSource } from "../sources/token-source.ts";

/** A cluster, and an identity in it. */
export interface ClusterConfig {
  /** The API server's URL. A path in it is put before every request's. `https:`, but for a local proxy. */
  readonly server: string | URL;
  /**
   * Who may vouch for the server; without it, the runtime's default store. Not on edge, where the
   * platform decides.
   */
  readonly ca?: CaSource | undefined;
  /** The bearer token; without it, requests are anonymous. */
  readonly token?: TokenSource | undefined;
  /**
   * The namespace to work in.
   *
   * @default "default"
   */
  readonly namespace?: string | undefined;
}

/**
 * Checks a config against itself.
 *
 * @returns The server's URL.
 * @throws {ConfigError} where it is wrong.
 */
export function checkClusterConfig(config: ClusterConfig): URL {
  const server = URL.parse(String(config.server));
  if (server === null || !/^https?:$/.test(server.protocol)) {
    throw new ConfigError(`Cannot connect: config.server is not an http or https URL`);
  }
  if (
    server.username !== "" ||
    server.password !== "" ||
    server.search !== "" ||
    server.hash !== ""
  ) {
    throw new ConfigError(
      `Cannot connect to ${server.origin}: config.server carries credentials, a query or a fragment; a URL and a path are all it may hold`,
    );
  }
  if (server.protocol === "http:" && (config.ca !== undefined || config.token !== undefined)) {
    throw new ConfigError(
      `Cannot connect to ${server.origin}: over http neither a CA nor a token can be used, since nothing protects them; use https`,
    );
  }
  return server;
}
