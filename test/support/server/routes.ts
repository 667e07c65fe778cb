/**
 * The routes of the test API server.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import {
  countUp,
  dropConnection,
  type Exchange,
  keyParameter,
  numberParameter,
  readBody,
  sendJson,
} from "./exchange.ts";
import { bomb, oddBody, rawResponse, stalledRefusal } from "./body-routes.ts";
import { isFakeApiPath, serveFakeApi } from "./fake-api-route.ts";
import { goaway, refusedStream } from "./http2-routes.ts";
import {
  failureStatus,
  namespaceList,
  notFoundStatus,
  podList,
  VERSION,
} from "./kubernetes-objects.ts";
import type { Echo } from "./protocol.ts";

type Route = (exchange: Exchange, argument: string) => void | Promise<void>;

const PROXY = /^\/api\/v1\/namespaces\/[^/]+\/(?:pods|services)\/[^/]+\/proxy(\/.*)?$/;
const NAMESPACED_PODS = /^\/api\/v1\/namespaces\/[^/]+\/pods$/;

/** By path. `/*` stands for one more segment, which is the route's argument. */
const ROUTES: Record<string, Route> = {
  "/version": (exchange) => sendJson(exchange, 200, VERSION),
  "/echo": echo,
  "/status/*": status,
  "/text/*": text,
  "/empty/*": empty,
  "/redirect": redirect,
  "/retry-after": retryAfter,
  "/stream": stream,
  "/held-body": heldBody,
  "/held-headers": heldHeaders,
  "/drop": dropConnection,
  "/drop-on-reuse": dropOnReuse,
  "/cut-body": cutBody,
  "/odd-body": oddBody,
  "/bomb": bomb,
  "/raw": rawResponse,
  "/stalled-refusal": async (exchange) => {
    const before = countUp(exchange, `stalled-refusal ${keyParameter(exchange)}`);
    await stalledRefusal(exchange, before === 0);
  },
  "/goaway": goaway,
  "/refused-stream": refusedStream,
  "/gzip": gzip,
  "/upload": upload,
  "/api/v1/namespaces": (exchange) => sendJson(exchange, 200, namespaceList()),
  "/api/v1/pods": pods,
};

/**
 * Answers a request that has been authenticated.
 *
 * @param exchange the request
 */
export async function route(exchange: Exchange): Promise<void> {
  const { pathname } = exchange.url;
  if (PROXY.test(pathname)) return await proxy(exchange);
  const { fakeApi } = exchange.state;
  if (fakeApi !== undefined && isFakeApiPath(pathname))
    return await serveFakeApi(exchange, fakeApi);
  if (NAMESPACED_PODS.test(pathname)) return pods(exchange);
  const exact = ROUTES[pathname];
  if (exact !== undefined) return await exact(exchange, "");
  const slash = pathname.lastIndexOf("/");
  const withArgument = ROUTES[`${pathname.slice(0, slash)}/*`];
  if (withArgument !== undefined) return await withArgument(exchange, pathname.slice(slash + 1));
  await readBody(exchange);
  sendJson(exchange, 404, notFoundStatus());
}

function headerLines(raw: readonly string[]): [name: string, value: string][] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ""]] : []));
}

async function echo(exchange: Exchange): Promise<void> {
  await readBody(exchange);
  const answer: Echo = {
    ...exchange.recorded,
    httpVersion: exchange.request.httpVersion,
    clientCommonName: exchange.clientCommonName,
    sni: (exchange.request.socket as TLSSocket).servername || null,
    rawHeaders: headerLines(exchange.request.rawHeaders),
  };
  sendJson(exchange, 200, answer);
}

async function proxy(exchange: Exchange): Promise<void> {
  if (exchange.url.searchParams.get("unauthorized") !== "1") return await echo(exchange);
  await readBody(exchange);
  sendJson(exchange, 401, { error: "the service behind the proxy refused" });
}

async function status(exchange: Exchange, argument: string): Promise<void> {
  await readBody(exchange);
  const code = Number(argument);
  const query = exchange.url.searchParams;
  const seconds = numberParameter(exchange, "retryAfterSeconds", 0);
  const reason = query.get("reason");
  const message = query.get("message");
  const body = failureStatus(code, {
    ...(reason === null ? {} : { reason }),
    ...(message === null ? {} : { message }),
    details: {
      name: "web",
      group: "apps",
      kind: "deployments",
      uid: "00000000-0000-4000-8000-000000000001",
      causes: [
        { reason: "FieldValueRequired", message: "Required value", field: "spec.selector" },
        { reason: "FieldValueInvalid", message: "Invalid value: -1", field: "spec.replicas" },
      ],
      ...(seconds > 0 ? { retryAfterSeconds: seconds } : {}),
    },
  });
  // The API server sends both: the field and the header.
  if (seconds > 0) exchange.response.setHeader("Retry-After", String(seconds));
  sendJson(exchange, code, body);
}

async function text(exchange: Exchange, argument: string): Promise<void> {
  await readBody(exchange);
  exchange.response.writeHead(Number(argument), { "Content-Type": "text/plain; charset=utf-8" });
  exchange.response.end(`plain text with status ${argument}\n`);
}

async function empty(exchange: Exchange, argument: string): Promise<void> {
  await readBody(exchange);
  exchange.response.writeHead(Number(argument));
  exchange.response.end();
}

async function redirect(exchange: Exchange): Promise<void> {
  await readBody(exchange);
  const location = exchange.url.searchParams.get("to") ?? "/echo";
  exchange.response.writeHead(numberParameter(exchange, "code", 302), { Location: location });
  exchange.response.end();
}

async function retryAfter(exchange: Exchange): Promise<void> {
  await readBody(exchange);
  const before = countUp(exchange, `retry-after ${keyParameter(exchange)}`);
  if (before >= numberParameter(exchange, "times", 1)) {
    return sendJson(exchange, 200, { attempts: before + 1 });
  }
  const code = numberParameter(exchange, "code", 429);
  const after = exchange.url.searchParams.get("after") ?? "1";
  exchange.response.setHeader("Retry-After", after);
  sendJson(exchange, code, failureStatus(code));
}

async function stream(exchange: Exchange): Promise<void> {
  const chunks = numberParameter(exchange, "chunks", 10);
  const intervalMs = numberParameter(exchange, "intervalMs", 10);
  const size = numberParameter(exchange, "size", 0);
  const { response, gone } = exchange;
  response.writeHead(200, { "Content-Type": "text/plain" });
  response.flushHeaders();
  for (let index = 0; index < chunks; index += 1) {
    if (index > 0 && intervalMs > 0) await delay(intervalMs, undefined, { signal: gone });
    const line = `line ${index}`.padEnd(size - 1, ".");
    if (!response.write(`${line}\n`)) await once(response, "drain", { signal: gone });
  }
  response.end();
}

async function heldBody(exchange: Exchange): Promise<void> {
  const { response } = exchange;
  response.writeHead(200, { "Content-Type": "text/plain" });
  response.write("first\n");
  await exchange.state.gates.wait(keyParameter(exchange), exchange.gone);
  response.end("second\n");
}

async function heldHeaders(exchange: Exchange): Promise<void> {
  await readBody(exchange);
  await exchange.state.gates.wait(keyParameter(exchange), exchange.gone);
  sendJson(exchange, 200, { released: true, connection: exchange.connection.serial });
}

async function dropOnReuse(exchange: Exchange): Promise<void> {
  const { requests, serial } = exchange.connection;
  if (requests > 1 && countUp(exchange, `drop-on-reuse ${keyParameter(exchange)}`) === 0) {
    return dropConnection(exchange);
  }
  await readBody(exchange);
  sendJson(exchange, 200, { connection: serial });
}

function cutBody(exchange: Exchange): void {
  const half = "x".repeat(1000);
  exchange.response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": "2000" });
  exchange.response.write(half, () => dropConnection(exchange));
}

async function gzip(exchange: Exchange): Promise<void> {
  await readBody(exchange);
  const accepted = exchange.request.headers["accept-encoding"]?.toString() ?? "";
  const isCompressed = /\bgzip\b/.test(accepted);
  const body = Buffer.from(JSON.stringify({ compressed: isCompressed, padding: "z".repeat(2000) }));
  exchange.response.writeHead(200, {
    "Content-Type": "application/json",
    Vary: "Accept-Encoding",
    ...(isCompressed ? { "Content-Encoding": "gzip" } : {}),
  });
  exchange.response.end(isCompressed ? gzipSync(body) : body);
}

/** Counts and hashes what it is sent; with `key`, it reads nothing until that gate opens. */
async function upload(exchange: Exchange): Promise<void> {
  const { gates } = exchange.state;
  if (exchange.url.searchParams.has("key")) {
    await gates.wait(keyParameter(exchange), exchange.gone);
  }
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of exchange.request) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).byteLength;
  }
  sendJson(exchange, 200, { bytes, sha256: hash.digest("hex") });
}

function pods(exchange: Exchange): void {
  const count = numberParameter(exchange, "count", 3);
  const limit = numberParameter(exchange, "limit", count);
  sendJson(exchange, 200, podList(count, limit));
}
