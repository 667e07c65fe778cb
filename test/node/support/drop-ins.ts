/**
 * The drop-ins, each with a client that uses it, in one shape.
 *
 * @module
 */

import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import axios from "axios";
import { fetch, request as undiciRequest } from "undici";
import { onTestFinished } from "vitest";
import {
  type AgentOptions,
  type AgentStatus,
  createDispatcher,
  createHttpsAgent,
  createSecureContextSource,
} from "../../../runtimes/agents.ts";
import type { ReanchorEvent } from "../../../src/index.ts";

/** A response whose headers have come. */
export interface Answer {
  readonly status: number;
  text(): Promise<string>;
}

/** A client of a drop-in. */
export interface DropIn {
  readonly events: ReanchorEvent[];
  /** Sends a request to a server's path: a POST where there is a body, else a GET. The signal ends it. */
  send(url: string, body?: string, signal?: AbortSignal): Promise<Answer>;
  status(): AgentStatus;
  close(): Promise<void>;
}

/** A way to use one. */
export interface DropInKind {
  readonly name: string;
  /** Whether it keeps connections for the requests to come. */
  readonly pools: boolean;
  open(options: AgentOptions): DropIn;
}

type Sender = Pick<DropIn, "send" | "status" | "close">;

function answerOf(response: IncomingMessage): Answer {
  return { status: response.statusCode ?? 0, text: async () => await text(response) };
}

function byFetch(options: AgentOptions): Sender {
  const dispatcher = createDispatcher(options);
  return {
    send: async (url, body, signal) =>
      await fetch(url, {
        dispatcher,
        ...(body !== undefined && { method: "POST", body }),
        ...(signal && { signal }),
      }),
    status: () => dispatcher.status(),
    close: async () => await dispatcher.destroy(),
  };
}

function byRequest(options: AgentOptions): Sender {
  const dispatcher = createDispatcher(options);
  return {
    async send(url, body, signal) {
      const method = body === undefined ? "GET" : "POST";
      const rest = { ...(body && { body }), ...(signal && { signal }) };
      const response = await undiciRequest(url, { dispatcher, method, ...rest });
      return { status: response.statusCode, text: async () => await response.body.text() };
    },
    status: () => dispatcher.status(),
    close: async () => await dispatcher.destroy(),
  };
}

function byHttps(agentOptions: AgentOptions): Sender {
  const agent = createHttpsAgent(agentOptions);
  return {
    send: (url, body, signal) =>
      new Promise((resolve, reject) => {
        const method = body === undefined ? "GET" : "POST";
        const options = { agent, method, ...(signal && { signal }) };
        const sent = httpsRequest(url, options, (response) => resolve(answerOf(response)));
        sent.once("error", reject);
        sent.end(body);
      }),
    status: () => agent.status(),
    close: async () => agent.destroy(),
  };
}

function byAxios(options: AgentOptions): Sender {
  const agent = createHttpsAgent(options);
  return {
    async send(url, body, signal) {
      const response = await axios<IncomingMessage>(url, {
        httpsAgent: agent,
        method: body === undefined ? "GET" : "POST",
        data: body,
        responseType: "stream",
        validateStatus: () => true,
        proxy: false,
        ...(signal && { signal }),
      });
      return answerOf(response.data);
    },
    status: () => agent.status(),
    close: async () => agent.destroy(),
  };
}

function bySocket(options: AgentOptions): Sender {
  const source = createSecureContextSource(options);
  return {
    async send(url, body, signal) {
      const { hostname, port } = new URL(url);
      const host = hostname.replace(/^\[(.*)\]$/, "$1");
      const socket = await source.connect({ host, port: Number(port) });
      return await new Promise((resolve, reject) => {
        const sent = httpRequest(
          url.replace("https:", "http:"),
          {
            method: body === undefined ? "GET" : "POST",
            createConnection: () => socket,
            ...(signal && { signal }),
          },
          (response) => resolve(answerOf(response)),
        );
        sent.once("error", reject);
        sent.end(body);
      });
    },
    status: () => source.status(),
    close: async () => source.close(),
  };
}

function kind(name: string, pools: boolean, open: (options: AgentOptions) => Sender): DropInKind {
  return {
    name,
    pools,
    open(options) {
      const events: ReanchorEvent[] = [];
      const sender = open({ onEvent: (event) => void events.push(event), ...options });
      onTestFinished(async () => await sender.close());
      return { ...sender, events };
    },
  };
}

/** Every drop-in, by the clients that it is for. */
export const dropIns: readonly DropInKind[] = [
  kind("createDispatcher() in undici's fetch", true, byFetch),
  kind("createDispatcher() in undici's request", true, byRequest),
  kind("createHttpsAgent() in node:https", true, byHttps),
  kind("createHttpsAgent() in axios", true, byAxios),
  kind("createSecureContextSource()", false, bySocket),
];

/** Sends, reads the answer to its end, and lets the connection become free. */
export async function ask({ send }: DropIn, url: string, body?: string): Promise<string> {
  const answer = await (await send(url, body)).text();
  await new Promise((resolve) => void setImmediate(resolve));
  return answer;
}
