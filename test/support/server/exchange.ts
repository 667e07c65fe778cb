/**
 * One request and its response, as the routes of the test API server see them.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FakeApi } from "../../../src/testing/model/fake-api.ts";
import type { Gates } from "./gates.ts";
import { failureStatus } from "./kubernetes-objects.ts";
import type { RecordedRequest } from "./protocol.ts";

/** A TCP connection and what it carried. */
export interface Connection {
  /** Numbers the connections from 1 in the order of arrival. */
  readonly serial: number;
  readonly socket: Socket;
  /** Requests that have arrived on this connection. */
  requests: number;
  /** Requests whose response has not been sent yet. */
  answering: number;
  /** Whether it closes once its responses have been sent. */
  isDraining: boolean;
  /** Whether its next response ends it. */
  isEnding: boolean;
  /** The responses that have not been sent completely. */
  readonly pending: Set<ServerResponse>;
}

/** The state that outlives a request: gates, counters by key, and the model of the API server. */
export interface RouteState {
  readonly gates: Gates;
  readonly fakeApi: FakeApi | undefined;
  readonly counts: Map<string, number>;
  /** Called with the number of bytes of an endless body that the client has received, or that are on their way. */
  onStreamed(bytes: number): void;
}

/** What a route needs. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly connection: Connection;
  readonly recorded: RecordedRequest;
  readonly clientCommonName: string | null;
  readonly state: RouteState;
  /** Aborts when the response has been sent or the client has left. */
  readonly gone: AbortSignal;
}

/**
 * Reads the whole body and keeps it in the record of the request.
 *
 * @param exchange the request
 * @returns the bytes
 */
export async function readBody(exchange: Exchange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of exchange.request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  exchange.recorded.body = body.toString();
  return body;
}

/**
 * Answers with JSON.
 *
 * @param exchange the request
 * @param code the HTTP status code
 * @param body the value to serialize
 */
export function sendJson(exchange: Exchange, code: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  exchange.response.writeHead(code, {
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(text)),
  });
  exchange.response.end(text);
}

/** Answers as the API server does for invalid credentials. */
export function sendUnauthorized(exchange: Exchange): void {
  sendJson(exchange, 401, failureStatus(401));
}

/**
 * Drops the connection that carried the request, in the query's way `how`: `cut` (the default) closes TCP
 * without a word of TLS, `end` closes both in order, `reset` resets TCP.
 */
export function dropConnection(exchange: Exchange): void {
  switch (exchange.url.searchParams.get("how")) {
    case "end":
      exchange.request.socket.end();
      return;
    case "reset":
      exchange.connection.socket.resetAndDestroy();
      return;
    default:
      exchange.connection.socket.destroy();
  }
}

/**
 * Increments the counter of a key.
 *
 * @returns its previous value
 */
export function countUp(exchange: Exchange, key: string): number {
  const before = exchange.state.counts.get(key) ?? 0;
  exchange.state.counts.set(key, before + 1);
  return before;
}

/**
 * Reads a whole number from the query.
 *
 * @param exchange the request
 * @param name the parameter
 * @param fallback the default
 */
export function numberParameter(exchange: Exchange, name: string, fallback: number): number {
  const text = exchange.url.searchParams.get(name);
  const value = text === null ? fallback : Number(text);
  if (!Number.isFinite(value)) throw new RangeError(`Cannot read query parameter ${name}: ${text}`);
  return value;
}

/** The query's `key`, or `default`. */
export function keyParameter(exchange: Exchange): string {
  return exchange.url.searchParams.get("key") ?? "default";
}
