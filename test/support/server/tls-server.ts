/**
 * A TLS server that plays the Kubernetes API server: its certificate can be swapped while it runs,
 * and it counts what reaches it.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createSecureServer, type Http2ServerRequest } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Server as TlsServer, TLSSocket } from "node:tls";
import type { Duplex } from "node:stream";
import { createFakeApi, type FakeApi } from "../../../src/testing/model/fake-api.ts";
import { type Connection, type Exchange, readBody, sendUnauthorized } from "./exchange.ts";
import { Gates } from "./gates.ts";
import { failureStatus } from "./kubernetes-objects.ts";
import type { RecordedRequest, ServeOptions, ServerStats, SwapOptions } from "./protocol.ts";
import { route } from "./routes.ts";
import { isPodStream, servePodStream } from "./pod-streams.ts";
import { isExecPath, refuseUpgrade, serveExec } from "./web-socket.ts";

const HOUR_MS = 3_600_000;
const TICKET_KEYS_BYTES = 48;
const RECORDED_REQUESTS = 200;

type Counts = Omit<ServerStats, "open">;

/** A server that keeps its counters and its port through stops and restarts. */
export class TestTlsServer {
  readonly gates: Gates = new Gates();
  /** Set if the options ask for a model. */
  readonly fakeApi: FakeApi | undefined;
  readonly #counts = new Map<string, number>();
  readonly #connections = new Map<number, Connection>();
  #options: ServeOptions;
  #recorded: RecordedRequest[] = [];
  #stats: Counts = noCounts();
  #serial = 0;
  #port = 0;
  #tls: TlsServer | undefined;
  #tcp: Server | undefined;
  #ticketKeys = randomBytes(TICKET_KEYS_BYTES);

  /** @param options the initial options */
  constructor(options: ServeOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    if (options.fakeApi !== undefined) this.fakeApi = createFakeApi(options.fakeApi);
  }

  get port(): number {
    return this.#port;
  }

  get origin(): string {
    const host = this.#options.host ?? "127.0.0.1";
    return `https://${host.includes(":") ? `[${host}]` : host}:${this.#port}`;
  }

  get stats(): ServerStats {
    return { ...this.#stats, open: this.#connections.size };
  }

  get requests(): RecordedRequest[] {
    return this.#recorded;
  }

  /** Listens, on the same port as before if it has listened before. */
  async start(): Promise<void> {
    // A restarted process has new ticket keys.
    this.#ticketKeys = randomBytes(TICKET_KEYS_BYTES);
    const tls = this.#createTls();
    // TCP is accepted separately from TLS, so that connections can be counted, delayed and destroyed before a
    // handshake.
    const tcp = createServer((socket) => void this.#accept(socket));
    tcp.listen(this.#port, this.#options.host ?? "127.0.0.1");
    await once(tcp, "listening");
    this.#port = (tcp.address() as AddressInfo).port;
    this.#tls = tls;
    this.#tcp = tcp;
  }

  /** Destroys every connection and frees the port. */
  async stop(): Promise<void> {
    const tcp = this.#tcp;
    if (tcp === undefined) return;
    this.#tcp = undefined;
    this.#tls = undefined;
    const closed = once(tcp, "close");
    tcp.close();
    this.dropConnections();
    await closed;
  }

  /** Stops, then starts on the same port with the changed options. */
  async restart(options: Partial<ServeOptions>): Promise<void> {
    await this.stop();
    this.#options = { ...this.#options, ...options };
    await this.start();
  }

  /**
   * Changes the options of future handshakes and requests. Open connections stay. By default, earlier
   * sessions can still be resumed, because the ticket keys stay the same.
   *
   * @param options what changes
   */
  swap({ forgetSessions = false, ...options }: SwapOptions): void {
    this.#options = { ...this.#options, ...options };
    if (forgetSessions) this.#ticketKeys = randomBytes(TICKET_KEYS_BYTES);
    this.#tls?.setSecureContext({ ...this.#secureContext(), ticketKeys: this.#ticketKeys });
  }

  /**
   * Destroys every open connection.
   *
   * @returns how many there were
   */
  dropConnections(): number {
    const connections = [...this.#connections.values()];
    for (const { socket } of connections) socket.destroy();
    return connections.length;
  }

  /**
   * Closes the current connections as in a graceful shutdown: idle ones now, the others once their responses
   * have been sent.
   *
   * @returns how many there were
   */
  drainConnections(): number {
    const connections = [...this.#connections.values()];
    for (const connection of connections) {
      connection.isDraining = true;
      if (connection.requests > 0 && connection.answering === 0) connection.socket.destroy();
    }
    return connections.length;
  }

  /**
   * Ends each of the current connections with its next response, which says so (`Connection: close`, or GOAWAY
   * over HTTP/2): no request is sent on a connection that is being closed.
   *
   * @returns how many there were
   */
  endConnections(): number {
    const connections = [...this.#connections.values()];
    for (const connection of connections) {
      connection.isEnding = true;
      for (const response of connection.pending) {
        if (!response.headersSent) announceEnd(response);
      }
    }
    return connections.length;
  }

  /** Resets the counters and discards the recorded requests. */
  resetStats(): void {
    this.#stats = noCounts();
    this.#recorded = [];
  }

  #secureContext(): { cert: string; key: string; ca?: string } & Record<string, unknown> {
    const { cert, key, clientCa, minVersion, maxVersion, weak } = this.#options;
    return {
      cert,
      key,
      ...(clientCa === undefined ? {} : { ca: clientCa }),
      ...(weak === true ? { ciphers: "DEFAULT@SECLEVEL=0" } : {}),
      ...(minVersion === undefined ? {} : { minVersion }),
      ...(maxVersion === undefined ? {} : { maxVersion }),
    };
  }

  #createTls(): TlsServer {
    const options = {
      ...this.#secureContext(),
      ticketKeys: this.#ticketKeys,
      requestCert: this.#options.clientCa !== undefined,
      rejectUnauthorized: this.#options.requireClientCert ?? false,
      keepAliveTimeout: this.#options.keepAliveTimeoutMs ?? HOUR_MS,
    };
    const server =
      this.#options.http2 === true
        ? createSecureServer({ ...options, allowHTTP1: true })
        : createHttpsServer(options);
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#stats.handshakes += 1;
      if (socket.isSessionReused()) this.#stats.resumed += 1;
      socket.on("error", ignore);
    });
    server.on("tlsClientError", () => {
      this.#stats.handshakeFailures += 1;
    });
    // Over HTTP/2 the request and response have other classes with the same members.
    server.on("request", (request: unknown, response: unknown) => {
      void this.#serve(request as IncomingMessage, response as ServerResponse);
    });
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgrade(request, socket, head);
    });
    return server;
  }

  async #accept(socket: Socket): Promise<void> {
    this.#serial += 1;
    this.#stats.connections += 1;
    const port = socket.remotePort ?? 0;
    this.#connections.set(port, {
      serial: this.#serial,
      socket,
      requests: 0,
      answering: 0,
      pending: new Set(),
      isDraining: false,
      isEnding: false,
    });
    socket.on("error", ignore);
    socket.on("close", () => this.#connections.delete(port));
    const waitMs = this.#options.handshakeDelayMs ?? 0;
    if (waitMs > 0) await delay(waitMs, undefined, { ref: false });
    const gate = this.#options.handshakeGate ?? null;
    if (gate !== null) {
      const gone = new AbortController();
      socket.on("close", () => gone.abort());
      await this.gates.wait(gate, gone.signal);
    }
    if (!socket.destroyed) this.#tls?.emit("connection", socket);
  }

  /** Counts and records a request; `undefined` if its connection has already been closed. */
  #arrive(request: IncomingMessage): { connection: Connection; recorded: RecordedRequest } | null {
    const connection = this.#connections.get(request.socket.remotePort ?? 0);
    if (connection === undefined) return null;
    connection.requests += 1;
    connection.answering += 1;
    const url = request.url ?? "/";
    const recorded: RecordedRequest = {
      method: request.method ?? "GET",
      url,
      headers: plainHeaders(request),
      body: "",
      connection: connection.serial,
    };
    this.#recorded.push(recorded);
    if (this.#recorded.length > RECORDED_REQUESTS) this.#recorded.shift();
    const { pathname } = new URL(url, "https://server.invalid");
    this.#stats.requests += 1;
    this.#stats.requestsByPath[pathname] = (this.#stats.requestsByPath[pathname] ?? 0) + 1;
    return { connection, recorded };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const arrival = this.#arrive(request);
    if (arrival === null) return;
    const gone = new AbortController();
    const closeSoon = closerOf(request);
    response.on("close", () => {
      gone.abort();
      arrival.connection.answering -= 1;
      arrival.connection.pending.delete(response);
      const { isDraining, isEnding, answering } = arrival.connection;
      // Over HTTP/1.1 the header of its last response ends the connection.
      const isEnded = isEnding && request.httpVersionMajor === 2;
      if ((isDraining || isEnded) && answering === 0) closeSoon();
    });
    response.on("error", ignore);
    // Go's server announces no idle limit, and a client that sees one closes early.
    if (request.httpVersionMajor === 1) response.setHeader("Connection", "keep-alive");
    arrival.connection.pending.add(response);
    if (arrival.connection.isEnding) announceEnd(response);
    const onStreamed = (bytes: number): void => void (this.#stats.streamed += bytes);
    const exchange: Exchange = {
      ...arrival,
      request,
      response,
      url: new URL(arrival.recorded.url, "https://server.invalid"),
      clientCommonName: clientCommonName(request),
      state: { gates: this.gates, counts: this.#counts, fakeApi: this.fakeApi, onStreamed },
      gone: gone.signal,
    };
    try {
      if (this.#isAuthenticated(request)) return await route(exchange);
      await readBody(exchange);
      sendUnauthorized(exchange);
    } catch (error) {
      // A client that leaves while its body is read or its response written is not an error.
      if (request.destroyed || gone.signal.aborted || response.headersSent) return;
      const status = failureStatus(500, { message: String(error) });
      response.writeHead(500, { "Content-Type": "application/json" });
      response.end(JSON.stringify(status));
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", ignore);
    const arrival = this.#arrive(request);
    if (arrival === null) return;
    const url = new URL(arrival.recorded.url, "https://server.invalid");
    if (!this.#isAuthenticated(request)) return refuseUpgrade(socket, 401);
    if (isPodStream(url)) {
      const onStreamed = (bytes: number): void => void (this.#stats.streamed += bytes);
      const onForwarded = (): void => void (this.#stats.forwarded += 1);
      const tcp = arrival.connection.socket;
      const state = { gates: this.gates, tcp, onStreamed, onForwarded };
      servePodStream(request, { socket, head }, state).catch(ignore);
      return;
    }
    if (!isExecPath(url.pathname)) return refuseUpgrade(socket, 404);
    serveExec(request, socket);
  }

  /** As kube-apiserver: a valid client certificate is enough, and an invalid one gets a 401. */
  #isAuthenticated(request: IncomingMessage): boolean {
    const { clientCa, token } = this.#options;
    const socket = request.socket as TLSSocket;
    if (clientCa !== undefined && hasPeerCertificate(socket)) return socket.authorized;
    if (token === undefined || token === null) return true;
    return request.headers.authorization === `Bearer ${token}`;
  }
}

/** Says that a connection ends with a response. HTTP/2 has no header for that. */
function announceEnd(response: ServerResponse): void {
  if (response.req.httpVersionMajor === 1) response.setHeader("Connection", "close");
}

/** Returns a function that closes the request's connection once everything has been sent. */
function closerOf(request: IncomingMessage): () => void {
  if (request.httpVersionMajor === 1) return () => request.socket.destroySoon();
  // A stream that has ended no longer knows its session.
  const { session } = (request as unknown as Http2ServerRequest).stream;
  return () => session?.close();
}

function hasPeerCertificate(socket: TLSSocket): boolean {
  return socket.getPeerX509Certificate() !== undefined;
}

function clientCommonName(request: IncomingMessage): string | null {
  const socket = request.socket as TLSSocket;
  const subject = socket.authorized ? socket.getPeerX509Certificate()?.subject : undefined;
  return /^CN=(.*)$/m.exec(subject ?? "")?.[1] ?? null;
}

function plainHeaders(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (!name.startsWith(":") && value !== undefined) headers[name] = String(value);
  }
  return headers;
}

function noCounts(): Counts {
  return {
    connections: 0,
    handshakes: 0,
    resumed: 0,
    handshakeFailures: 0,
    requests: 0,
    requestsByPath: {},
    streamed: 0,
    forwarded: 0,
  };
}

function ignore(): void {
  // Many tests break connections on purpose.
}
