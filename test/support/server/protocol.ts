/**
 * What the test API server's process and its driver say to each other.
 *
 * @module
 */

import type { FakeApiOptions } from "../../../src/testing/model/fake-api.ts";

/** A protocol version as `node:tls` names it. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** What can be changed on a server while it runs. */
export interface LiveOptions {
  /** PEM certificate, or chain. */
  cert: string;
  /** PEM private key. */
  key: string;
  /**
   * PEM of the CA for client certificates, which are then asked for. As at the Kubernetes API
   * server, a valid one authenticates the request and an invalid one gets a 401.
   */
  clientCa?: string;
  minVersion?: TlsVersion;
  maxVersion?: TlsVersion;
  /** Requests need this bearer token, or a valid client certificate. `null`: anyone may ask. */
  token?: string | null;
  /** Whether it takes keys and signatures that OpenSSL finds too weak. @default false */
  weak?: boolean;
  /** How long a connection is kept waiting before its TLS handshake goes on. @default 0 */
  handshakeDelayMs?: number;
  /** A gate that connections wait at before their TLS handshake; `null` for none. @default null */
  handshakeGate?: string | null;
}

/** What a swap can be told. */
export interface SwapOptions extends Partial<LiveOptions> {
  /**
   * Whether sessions that were issued before can't be resumed any more, as at another replica behind the
   * same address. @default false
   */
  forgetSessions?: boolean;
}

/** How a server starts. */
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
   * Whether a model of the API server answers what begins with `/api` and `/apis`, and how it differs from
   * one of today. It outlives restarts.
   */
  fakeApi?: Omit<FakeApiOptions, "clock">;
}

/** Where a started server is. */
export interface ServerAddress {
  id: string;
  port: number;
  origin: string;
}

/** What a server counted since it was created or last reset. */
export interface ServerStats {
  /** TCP connections accepted. */
  connections: number;
  /** TCP connections open at this moment; a reset leaves it. */
  open: number;
  /**
   * TLS handshakes that the server saw end well. A client that checks the certificate after the
   * handshake, as Node does, is counted even where it then rejects.
   */
  handshakes: number;
  /** How many of those resumed a session. */
  resumed: number;
  handshakeFailures: number;
  requests: number;
  requestsByPath: Record<string, number>;
  /** How many bytes of floods have been taken by clients, or wait on their way to them. */
  streamed: number;
  /** Connections that were forwarded by SPDY. */
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
  /** The common name in the client certificate, if a valid one was shown. */
  clientCommonName: string | null;
  /** What the client said by SNI, if anything. */
  sni: string | null;
  /** Every header line as it came, in order. */
  rawHeaders: [name: string, value: string][];
}

/** Where a started black hole is. */
export interface BlackholeAddress {
  id: string;
  port: number;
}

/** What a black hole counted. */
export interface BlackholeStats {
  connections: number;
  open: number;
}

/** How a proxy starts. */
export interface ProxyOptions {
  /** How it is spoken to. */
  scheme: "http" | "https" | "socks5";
  /** PEM certificate of an https one. */
  cert?: string;
  /** Its PEM private key. */
  key?: string;
  /** `user:password`, without which nobody gets through. @default anyone does */
  credentials?: string;
  /**
   * What it does with everyone, whatever the credentials: closes the connection, answers what is none of its
   * protocol, sends back what it was sent, or rejects the target and repeats the request while it does so.
   *
   * @default none of it
   */
  fault?: "closes" | "garbage" | "echo" | "rejects";
}

/** Where a started proxy is. */
export interface ProxyAddress {
  id: string;
  port: number;
}

/** What a proxy saw. */
export interface ProxyStats {
  /** Where connections were asked for, as `host:port`, in order. */
  targets: string[];
  /** How many came without the right credentials. */
  refused: number;
  /** Sockets open at this moment, on both sides. */
  open: number;
}
