/**
 * The API server of the benchmark, a process of its own. What it answers is made beforehand, so that the time
 * of a round goes to the client and not to the server.
 *
 * @module
 */

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Http2ServerRequest, type Http2ServerResponse, createSecureServer } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { obey, readArgument } from "../orders.ts";
import {
  LIST_VERSION,
  POD_COUNT,
  initialEventsEnd,
  type PodView,
  podEvent,
  podListBytes,
} from "./pods.ts";

/** How it starts. */
export interface ServerArgument {
  readonly cert: string;
  readonly key: string;
  readonly token: string;
  /** Whether it speaks HTTP/2 as well. */
  readonly http2: boolean;
  /** How many pods there are. */
  readonly pods?: number | undefined;
  /** Small answers, by their path. */
  readonly fixed: Readonly<Record<string, string>>;
}

/** What it has counted since it was last asked. */
export interface ServerCounts {
  readonly handshakes: number;
  readonly requests: number;
  /** The connections that are open now. */
  readonly open: number;
}

const HOUR_MS = 3_600_000;

type Http2Listener = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

const argument = readArgument() as ServerArgument;
const { cert, key, token, http2, pods = POD_COUNT } = argument;
const authorization = `Bearer ${token}`;
const fixed = new Map(
  Object.entries(argument.fixed).map(([path, body]) => [path, Buffer.from(body)]),
);
const watches = new Map<ServerResponse, PodView>();
let podList: Buffer | undefined;
let prepared: (() => void)[] = [];
let version = LIST_VERSION;
let handshakes = 0;
let requests = 0;
let open = 0;

const server = http2
  ? // What it calls back with can do all that is asked of it here.
    createSecureServer({ cert, key, allowHTTP1: true }, answer as unknown as Http2Listener)
  : createServer({ cert, key, keepAliveTimeout: HOUR_MS }, answer);
server.on("secureConnection", (socket) => {
  handshakes += 1;
  open += 1;
  socket.on("close", () => (open -= 1));
  socket.on("error", () => {}); // A client that leaves is no fault.
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

await obey({
  port: () => (server.address() as AddressInfo).port,
  counts(): ServerCounts {
    const counts = { handshakes, requests, open };
    handshakes = 0;
    requests = 0;
    return counts;
  },
  /** Makes the events of so many changes. */
  prepare(count: number) {
    prepared = [];
    for (let index = 0; index < count; index += 1) {
      version += 1;
      const change = { type: "MODIFIED", index: index % pods, version } as const;
      for (const [watch, view] of watches) {
        const event = Buffer.from(podEvent(change, view));
        prepared.push(() => watch.write(event));
      }
    }
    return watches.size;
  },
  /** Sends them. */
  change() {
    for (const write of prepared) write();
    prepared = [];
  },
});

function toBytes(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  requests += 1;
  response.on("error", () => {});
  const url = request.url ?? "/";
  if (request.headers.authorization !== authorization) send(response, 401, toBytes({}));
  else if (fixed.has(url)) send(response, 200, fixed.get(url));
  else answerPods(request, response);
}

function answerPods({ url = "/", headers }: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(url, "https://server.invalid");
  const isPartial = headers.accept?.includes("as=PartialObjectMetadata") ?? false;
  if (!pathname.endsWith("/pods")) send(response, 404, toBytes({}));
  else if (searchParams.has("watch")) {
    void serveWatch(searchParams, isPartial ? "metadata" : "whole", response);
  } else send(response, 200, (podList ??= podListBytes(pods)));
}

function send(response: ServerResponse, status: number, body: Buffer | undefined): void {
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": body?.byteLength ?? 0,
    // Go's server announces no idle limit, and a client that is told one closes early.
    Connection: "keep-alive",
  });
  response.end(body);
}

async function serveWatch(
  query: URLSearchParams,
  view: PodView,
  response: ServerResponse,
): Promise<void> {
  response.writeHead(200, { "Content-Type": "application/json" });
  response.flushHeaders();
  const gone = once(response, "close");
  if (query.get("sendInitialEvents") === "true") {
    for (let index = 0; index < pods; index += 1) {
      const added = { type: "ADDED", index, version: index + 1 } as const;
      const isFull = !response.write(podEvent(added, view));
      if (isFull) await Promise.race([once(response, "drain"), gone]);
      if (response.closed) return;
    }
    response.write(initialEventsEnd(view));
  }
  watches.set(response, view);
  response.on("close", () => watches.delete(response));
}
