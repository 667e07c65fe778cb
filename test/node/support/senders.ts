/**
 * The drop-ins, each with a client that uses it, in one shape. Nothing here is vitest's, so that programs of
 * their own can use them.
 *
 * @module
 */

import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import axios from "axios";
import { fetch, request as undiciRequest } from "undici";
import {
  type AgentOptions,
  type AgentStatus,
  createDispatcher,
  createHttpsAgent,
  createSecureContextSource,
} from "../../../runtimes/agents.ts";

/** A response whose headers have come. */
export interface Answer {
  readonly status: number;
  text(): Promise<string>;
}

/** What a request has beside its URL. */
export interface SenderRequest {
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client of a drop-in. */
export interface Sender {
  /** Sends a request to a server's path: a POST where there is a body, else a GET. The signal ends it. */
  send(url: string, request?: SenderRequest): Promise<Answer>;
  status(): AgentStatus;
  close(): Promise<void>;
}

/** A way to use a drop-in. */
export interface SenderKind {
  readonly name: string;
  /** Whether it keeps connections for the requests to come. */
  readonly pools: boolean;
  /** Whether a request that is aborted ends the attempt at a connection: undici tells a dispatcher nothing. */
  readonly endsAttempts: boolean;
  readonly open: (options: AgentOptions) => Sender;
}

function answerOf(response: IncomingMessage): Answer {
  return { status: response.statusCode ?? 0, text: async () => await text(response) };
}

function methodOf(body: string | undefined): "GET" | "POST" {
  return body === undefined ? "GET" : "POST";
}

function byFetch(options: AgentOptions): Sender {
  const dispatcher = createDispatcher(options);
  return {
    send: async (url, { body, signal, headers = {} } = {}) =>
      await fetch(url, {
        dispatcher,
        headers,
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
    async send(url, { body, signal, headers = {} } = {}) {
      const rest = { ...(body && { body }), ...(signal && { signal }) };
      const method = methodOf(body);
      const response = await undiciRequest(url, { dispatcher, method, headers, ...rest });
      return { status: response.statusCode, text: async () => await response.body.text() };
    },
    status: () => dispatcher.status(),
    close: async () => await dispatcher.destroy(),
  };
}

function byHttps(agentOptions: AgentOptions): Sender {
  const agent = createHttpsAgent(agentOptions);
  return {
    send: (url, { body, signal, headers = {} } = {}) =>
      new Promise((resolve, reject) => {
        const options = { agent, method: methodOf(body), headers, ...(signal && { signal }) };
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
    async send(url, { body, signal, headers = {} } = {}) {
      const response = await axios<IncomingMessage>(url, {
        httpsAgent: agent,
        method: methodOf(body),
        headers,
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
    async send(url, { body, signal, headers = {} } = {}) {
      const { hostname, port } = new URL(url);
      const host = hostname.replace(/^\[(.*)\]$/, "$1");
      const socket = await source.connect({ host, port: Number(port), ...(signal && { signal }) });
      return await new Promise((resolve, reject) => {
        const sent = httpRequest(
          url.replace("https:", "http:"),
          {
            method: methodOf(body),
            headers,
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

/** Every drop-in, by the clients that it is for. */
export const senderKinds: readonly SenderKind[] = [
  {
    name: "createDispatcher() in undici's fetch",
    pools: true,
    endsAttempts: false,
    open: byFetch,
  },
  {
    name: "createDispatcher() in undici's request",
    pools: true,
    endsAttempts: false,
    open: byRequest,
  },
  { name: "createHttpsAgent() in node:https", pools: true, endsAttempts: true, open: byHttps },
  { name: "createHttpsAgent() in axios", pools: true, endsAttempts: true, open: byAxios },
  { name: "createSecureContextSource()", pools: false, endsAttempts: true, open: bySocket },
];
