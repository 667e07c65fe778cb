/**
 * Connections on Deno that trust nothing but the CA bundle, by way of `node:https`: `fetch` there adds a
 * bundle to its default store. One `Agent` a generation, and so one TLS session cache a generation.
 *
 * @module
 */

import type { ClientRequest, IncomingMessage } from "node:http";
import type {
  PoolOptions,
  TlsSnapshot,
  Transport,
  TransportRequest,
  TransportResponse,
} from "../../src/runtime.ts";
import {
  decodeBody,
  fetchedResponseClass,
  fromResponse,
  hasBody,
} from "../../src/transport/response.ts";
import { anchorsForNodeTls } from "./http-client.ts";
import type { PausableAgent } from "./pausable-agent.ts";
import { toWebStream } from "./web-stream.ts";

/** Opens a pool of connections. `node:https` is reached when the first request goes out. */
export function openExclusiveTransport(
  { ca: bundle, ...others }: TlsSnapshot,
  options: Pick<PoolOptions, "late" | "onChain">,
): Transport {
  const ca = bundle && anchorsForNodeTls(bundle).map(({ pem }) => pem);
  let agent: PausableAgent | undefined;
  let retired = false;
  return {
    async send(url, request) {
      const [https, { PausableAgent: Pool }] = await Promise.all([
        import("node:https"),
        import("./pausable-agent.ts"),
      ]);
      request.signal?.throwIfAborted();
      agent ??= new Pool({ ca, ...others }, options, !retired);
      const headers: Record<string, string | string[]> = Object.fromEntries(request.headers);
      for (const [name, value] of request.headerLines) {
        headers[name] = [headers[name] ?? [], value].flat();
      }
      const outgoing = https.request(url, { agent, method: request.method, headers });
      // Deno sends again by itself what was on a reused connection, whatever its method, even where it was
      // aborted (https://github.com/denoland/deno/issues/36786).
      outgoing.reusedSocket = false;
      outgoing.once("socket", () => {
        outgoing.reusedSocket = false;
      });
      return await exchange(outgoing, url, request, agent);
    },
    async retire() {
      retired = true;
      if (agent === undefined) return;
      agent.retire();
    },
  };
}

async function exchange(
  outgoing: ClientRequest,
  url: string,
  { method, body, signal }: TransportRequest,
  agent: PausableAgent,
): Promise<TransportResponse> {
  const onAbort = (): void => {
    const reason: unknown = signal?.reason;
    outgoing.destroy(reason instanceof Error ? reason : new Error("aborted"));
  };
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  outgoing.once("close", () => signal?.removeEventListener("abort", onAbort));

  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.on("error", reject);
  });
  const sent = write(outgoing, body);
  sent.catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : undefined));
  const incoming = await answered;

  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headersDistinct)) {
    for (const line of value ?? []) headers.append(name, line);
  }
  const status = incoming.statusCode ?? 0;
  const statusText = incoming.statusMessage ?? "";
  const isEmpty = !hasBody(method, status);
  if (isEmpty) incoming.resume(); // To its end, which frees the connection.
  const stream = isEmpty
    ? null
    : decodeBody(toWebStream(incoming, agent.pausableOf(incoming.socket)), headers);
  const response = new (fetchedResponseClass())(stream, { status, statusText, headers }, url);
  return fromResponse(response, url);
}

/**
 * Sends a body, and says where it ends: `node:https` does not where the method is `DELETE`, and the server
 * would take the body for its next request (https://github.com/nodejs/node/issues/27880).
 */
async function write(outgoing: ClientRequest, body: TransportRequest["body"]): Promise<void> {
  if (body === null) return void outgoing.end();
  if (!(body instanceof ReadableStream)) {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    outgoing.setHeader("Content-Length", bytes.length);
    return void outgoing.end(bytes);
  }
  outgoing.setHeader("Transfer-Encoding", "chunked");
  const closed = new Promise((resolve) => outgoing.once("close", resolve));
  for await (const chunk of body) {
    if (outgoing.destroyed) return; // Which cancels what is left of the body.
    if (outgoing.write(chunk)) continue;
    await Promise.race([new Promise((resolve) => outgoing.once("drain", resolve)), closed]);
  }
  outgoing.end();
}
