/**
 * The control calls of the test API server's process: plain HTTP and JSON on loopback.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { chainTable } from "../chains/table.ts";
import { callFakeApi, type FakeApiCall } from "../remote-fake-api.ts";
import { type Blackhole, openBlackhole } from "./blackhole.ts";
import type { ProxyOptions, ServeOptions } from "./protocol.ts";
import { type Proxy, openProxy } from "./proxy.ts";
import { TestTlsServer } from "./tls-server.ts";

type Body = Record<string, unknown>;

const servers = new Map<string, TestTlsServer>();
const blackholes = new Map<string, Blackhole>();
const proxies = new Map<string, Proxy>();
let lastId = 0;

/**
 * Listens for control calls on a free port.
 *
 * @returns the origin to call
 */
export async function listenForControl(): Promise<string> {
  const control = createServer((request, response) => {
    answer(request).then(
      (body) => {
        // Connections are not kept, so that a test which counts open connections finds only its own.
        response.writeHead(200, { "Content-Type": "application/json", Connection: "close" });
        response.end(JSON.stringify(body ?? {}), () => {
          if (request.url === "/exit") process.exit(0);
        });
      },
      (error: unknown) => {
        response.writeHead(400, { "Content-Type": "application/json", Connection: "close" });
        response.end(JSON.stringify({ error: String(error) }));
      },
    );
  });
  control.listen(0, "127.0.0.1");
  await once(control, "listening");
  return `http://127.0.0.1:${(control.address() as AddressInfo).port}`;
}

async function answer(request: IncomingMessage): Promise<unknown> {
  const url = new URL(request.url ?? "/", "http://control.invalid");
  const [collection, id = "", ...rest] = url.pathname.slice(1).split("/");
  const call = [request.method, ...rest].join(" ");
  const body = await readJson(request);
  if (collection === "servers") {
    if (id === "") return await serve(body as unknown as ServeOptions);
    return await callServer(id, call, { body, query: url.searchParams });
  }
  if (collection === "blackholes") return await callBlackhole(id, call);
  if (collection === "proxies") return await callProxy(id, call, body);
  if (collection === "chains") return chainTable();
  if (collection === "fifos") return await makeFifo(String(body["path"]));
  if (collection === "exit") return {};
  throw new RangeError(`Cannot answer ${request.method} ${url.pathname}: no such call`);
}

async function serve(options: ServeOptions): Promise<unknown> {
  const server = new TestTlsServer(options);
  await server.start();
  const id = nextId();
  servers.set(id, server);
  return { id, port: server.port, origin: server.origin };
}

async function callServer(
  id: string,
  call: string,
  { body, query }: { readonly body: Body; readonly query: URLSearchParams },
): Promise<unknown> {
  const server = servers.get(id);
  if (server === undefined) throw new RangeError(`Cannot reach server ${id}: it was deleted`);
  switch (call) {
    case "PATCH":
      return server.swap(body);
    case "DELETE":
      servers.delete(id);
      return await server.stop();
    case "POST stop":
      return await server.stop();
    case "POST restart":
      return await server.restart(body);
    case "POST drop-connections":
      return { dropped: server.dropConnections() };
    case "POST drain-connections":
      return { drained: server.drainConnections() };
    case "POST end-connections":
      return { ending: server.endConnections() };
    case "GET stats":
      return server.stats;
    case "POST stats reset":
      return server.resetStats();
    case "GET requests":
      return server.requests;
    case "POST fake-api":
      return callFakeApi(server.fakeApi, body as unknown as FakeApiCall);
    case "POST release":
      return { released: server.gates.release(String(body["key"])) };
    case "GET held":
      return await server.gates.held(
        query.get("key") ?? "default",
        Number(query.get("count") ?? 1),
      );
    default:
      throw new RangeError(`Cannot answer ${call}: servers have no such call`);
  }
}

async function callBlackhole(id: string, call: string): Promise<unknown> {
  if (id === "") {
    const opened = await openBlackhole();
    const newId = nextId();
    blackholes.set(newId, opened);
    return { id: newId, port: opened.port };
  }
  const blackhole = blackholes.get(id);
  if (blackhole === undefined)
    throw new RangeError(`Cannot reach black hole ${id}: it was deleted`);
  if (call === "GET stats") return blackhole.stats();
  if (call !== "DELETE")
    throw new RangeError(`Cannot answer ${call}: black holes have no such call`);
  blackholes.delete(id);
  return await blackhole.close();
}

async function callProxy(id: string, call: string, body: Body): Promise<unknown> {
  if (id === "") {
    const opened = await openProxy(body as unknown as ProxyOptions);
    const newId = nextId();
    proxies.set(newId, opened);
    return { id: newId, port: opened.port };
  }
  const proxy = proxies.get(id);
  if (proxy === undefined) throw new RangeError(`Cannot reach proxy ${id}: it was deleted`);
  if (call === "GET stats") return proxy.stats();
  if (call !== "DELETE") throw new RangeError(`Cannot answer ${call}: proxies have no such call`);
  proxies.delete(id);
  return await proxy.close();
}

async function makeFifo(path: string): Promise<unknown> {
  // Node has no function for it.
  await promisify(execFile)("mkfifo", [path]);
  return { path };
}

async function readJson(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === "" ? {} : (JSON.parse(text) as Body);
}

function nextId(): string {
  lastId += 1;
  return String(lastId);
}
