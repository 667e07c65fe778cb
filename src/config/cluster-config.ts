/**
 * Where to connect and as whom.
 *
 * @module
 */

import { toBase64 } from "../bytes.ts";
import { ConfigError } from "../errors.ts";
import { checkKnown } from "../options.ts";
import type { CaSource } from "../sources/ca-source.ts";
import type { ClientCert } from "../sources/client-cert-source.ts";
import { type Source, checkSource } from "../sources/source.ts";
import type { Impersonation } from "./impersonation.ts";

/** A cluster, and an identity in it. */
export interface ClusterConfig {
  /** The API server's URL. A path in it is put before every request's. `https:`, but for a local proxy. */
  readonly server: string | URL;
  /**
   * Who may vouch for the server; without it, the runtime's default store. Not on edge, where the
   * platform decides.
   */
  readonly ca?: CaSource | undefined;
  /** The bearer token; without it and the two below, requests are anonymous. */
  readonly token?: Source<string | undefined> | undefined;
  /** The client certificate and its key. Not on edge. */
  readonly clientCert?: Source<ClientCert | undefined> | undefined;
  /** A user and a password, in the place of a token. */
  readonly basicAuth?: BasicAuth | undefined;
  /** Whom to act as. */
  readonly impersonate?: Impersonation | undefined;
  /** The name that the server's certificate must carry, if it is not the URL's. Not on edge. */
  readonly serverName?: string | undefined;
  /**
   * Does not verify the server: anyone on the network path can read and change everything. The event
   * `insecure` and in the status. Refused together with a CA, and on edge.
   *
   * @default false
   */
  readonly insecureSkipTlsVerify?: boolean | undefined;
  /**
   * The proxy to go through; `capabilities.proxies` says which kinds. `false` for none.
   *
   * @default what HTTPS_PROXY and NO_PROXY say
   */
  readonly proxy?: string | URL | false | undefined;
  /**
   * Whether answers come as they are, for a server that is near and a processor that is slow.
   *
   * @default false
   */
  readonly disableCompression?: boolean | undefined;
  /**
   * The namespace to work in.
   *
   * @default "default"
   */
  readonly namespace?: string | undefined;
}

/** A user and a password. */
export interface BasicAuth {
  /** The user's name, without a colon. */
  readonly username: string;
  /** The password. */
  readonly password: string;
}

const configNames: readonly (keyof ClusterConfig)[] = [
  "server",
  "ca",
  "token",
  "clientCert",
  "basicAuth",
  "impersonate",
  "serverName",
  "insecureSkipTlsVerify",
  "proxy",
  "disableCompression",
  "namespace",
];

/**
 * Checks a config against itself.
 *
 * @returns The server's URL.
 * @throws {ConfigError} if it is wrong.
 */
export function checkClusterConfig(config: ClusterConfig): URL {
  checkKnown("config", config, configNames);
  checkSource("config.ca", config.ca, "fileCaSource() or staticCaSource()");
  checkSource("config.token", config.token, "fileTokenSource() or staticTokenSource()");
  const clientCertSources = "fileClientCertSource() or staticClientCertSource()";
  checkSource("config.clientCert", config.clientCert, clientCertSources);
  const text = String(config.server);
  // The URL parser would drop some of these, and turn others into a slash.
  if (/[\s\\?#\p{Cc}]/u.test(text)) {
    throw new ConfigError(
      "Cannot connect: config.server contains white space, a backslash, ? or #; a URL and a path are all it may hold",
    );
  }
  const server = URL.parse(text);
  if (server === null || !/^https?:$/.test(server.protocol)) {
    throw new ConfigError(`Cannot connect: config.server is not an http or https URL`);
  }
  if (server.username !== "" || server.password !== "") {
    throw new ConfigError(
      `Cannot connect to ${server.origin}: config.server carries credentials; put them into token or basicAuth`,
    );
  }
  const { ca, token, clientCert, basicAuth } = config;
  if (server.protocol === "http:" && (ca ?? token ?? clientCert ?? basicAuth) !== undefined) {
    throw new ConfigError(
      `Cannot connect to ${server.origin}: over http neither a CA nor a credential can be used, since nothing protects them; use https`,
    );
  }
  if (token !== undefined && basicAuth !== undefined) {
    throw new ConfigError(
      `Cannot connect to ${server.origin}: config has a token and basicAuth, which both are the Authorization header; drop one`,
    );
  }
  return server;
}

/** The `Authorization` header of a user and a password (RFC 7617, in UTF-8). */
export function basicAuthorization(basicAuth: BasicAuth): string {
  checkKnown("basicAuth", basicAuth, ["username", "password"]);
  const { username, password } = basicAuth;
  if (typeof username !== "string" || typeof password !== "string") {
    throw new TypeError("Cannot use basicAuth: username and password must be strings");
  }
  if (username.includes(":")) {
    throw new ConfigError("Cannot use basicAuth: the user name holds a colon, which ends it there");
  }
  return `Basic ${toBase64(new TextEncoder().encode(`${username}:${password}`))}`;
}
