/**
 * The drop-ins, each with a client that uses it, behind one interface. This does not import vitest, so that
 * separate programs can use it.
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

/** A response whose headers have arrived. */
export interface Answer {
  readonly status: number;
  text(): Promise<string>;
}

/** The parts of a request beside its URL. */
export interface SenderRequest {
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client of a drop-in. */
export interface Sender {
  /**
   * Sends a request to a path of the server: a POST if there is a body, otherwise a GET. The signal aborts
   * it.
   */
  send(url: string, request?: SenderRequest): Promise<Answer>;
  status(): AgentStatus;
  close(): Promise<void>;
}

/** A way to use a drop-in. */
export interface SenderKind {
  readonly name: string;
  /** Whether it keeps connections for later requests. */
  readonly pools: boolean;
  /**
   * Whether aborting a request ends its connection attempt. undici does not tell a dispatcher about the
   * abort.
   */
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
