/**
 * The messages between the test API server's process and its driver.
 *
 * @module
 */

import type { FakeApiOptions } from "../../../src/testing/model/fake-api.ts";

/** A protocol version as `node:tls` names it. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** The options that can change while a server runs. */
export interface LiveOptions {
  /** PEM certificate, or chain. */
  cert: string;
  /** PEM private key. */
  key: string;
  /**
   * PEM of the CA for client certificates, which the server then requests. As at the Kubernetes API server, a
   * valid one authenticates the request and an invalid one gets a 401.
   */
  clientCa?: string;
  minVersion?: TlsVersion;
  maxVersion?: TlsVersion;
  /** Requests need this bearer token or a valid client certificate. `null` allows anonymous requests. */
  token?: string | null;
  /** Whether it accepts keys and signatures that OpenSSL considers too weak. @default false */
  weak?: boolean;
  /** How long a connection waits before its TLS handshake starts. @default 0 */
  handshakeDelayMs?: number;
  /** A gate that connections wait at before their TLS handshake; `null` for none. @default null */
  handshakeGate?: string | null;
}

/** The options of a swap. */
export interface SwapOptions extends Partial<LiveOptions> {
  /**
   * Whether earlier sessions can no longer be resumed, as with another replica behind the same address.
   * @default false
   */
  forgetSessions?: boolean;
}

/** The options of a new server. */
export interface ServeOptions extends LiveOptions {
  /** Whether the handshake fails without a valid client certificate. @default false */
  requireClientCert?: boolean;
  /** Whether HTTP/2 is offered beside HTTP/1.1. @default false */
  http2?: boolean;
  /** @default one hour */
  keepAliveTimeoutMs?: number;
  /** @default "127.0.0.1" */
  host?: string;
  /** @default a free one */
  port?: number;
  /**
   * Whether a model of the API server answers paths that begin with `/api` and `/apis`, and the options of
   * that model. It survives restarts.
   */
  fakeApi?: Omit<FakeApiOptions, "clock">;
}

/** The address of a started server. */
export interface ServerAddress {
  id: string;
  port: number;
  origin: string;
}

/** What a server has counted since it was created or last reset. */
export interface ServerStats {
  /** TCP connections accepted. */
  connections: number;
  /** TCP connections that are open now. A reset does not change this. */
  open: number;
  /**
   * TLS handshakes that succeeded for the server. A client that verifies the certificate after the handshake,
   * as Node does, is counted even if it then rejects the server.
   */
  handshakes: number;
  /** How many of those resumed a session. */
  resumed: number;
  handshakeFailures: number;
  requests: number;
  requestsByPath: Record<string, number>;
  /** Bytes of floods and endless bodies that clients have received, or that are on their way to them. */
  streamed: number;
  /** Connections that were forwarded over SPDY. */
  forwarded: number;
}

/** One request as the server saw it. */
export interface RecordedRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: Record<string, string>;
  /** The body as UTF-8, once it has been read; empty before. */
  body: string;
  /** Serial number of the connection that carried it. */
  connection: number;
}

/** The JSON that `/echo` answers with. */
export interface Echo extends RecordedRequest {
  httpVersion: string;
  /** The common name in the client certificate, if a valid one was sent. */
  clientCommonName: string | null;
  /** The SNI of the client, if any. */
  sni: string | null;
  /** Every header line as it came, in order. */
  rawHeaders: [name: string, value: string][];
}

/** The address of a started black hole. */
export interface BlackholeAddress {
  id: string;
  port: number;
}

/** What a black hole counted. */
export interface BlackholeStats {
  connections: number;
  open: number;
}

/** The options of a proxy. */
export interface ProxyOptions {
  /** The protocol of the proxy. */
  scheme: "http" | "https" | "socks5";
  /** PEM certificate of an https one. */
  cert?: string;
  /** Its PEM private key. */
  key?: string;
  /** `user:password` that clients must send. @default none is required */
  credentials?: string;
  /**
   * How it fails for every client, whatever the credentials: it closes the connection, sends something that
   * is not its protocol, echoes what it received, or rejects the target and quotes the request.
   *
   * @default none of it
   */
  fault?: "closes" | "garbage" | "echo" | "rejects";
}

/** The address of a started proxy. */
export interface ProxyAddress {
  id: string;
  port: number;
}

/** What a proxy has recorded. */
export interface ProxyStats {
  /** The requested targets as `host:port`, in order. */
  targets: string[];
  /** How many requests had wrong credentials or none. */
  refused: number;
  /** Sockets that are open now, on both sides. */
  open: number;
}
