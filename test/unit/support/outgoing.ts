/**
 * Requests and answers for the steps between a client and a transport.
 *
 * @module
 */

import type { TransportResponse } from "../../../src/runtime.ts";
import type { OutgoingRequest, Send } from "../../../src/transport/request.ts";
import { fromResponse } from "../../../src/transport/response.ts";

/** Creates a request to a cluster's server, a GET by default. */
export function outgoing(path: string, parts: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return {
    method: "GET",
    url: new URL(path, "https://10.96.0.1"),
    headers: new Map(),
    headerLines: [],
    authorized: false,
    body: null,
    redirect: "follow",
    timeoutMs: 90_000,
    signal: undefined,
    ...parts,
  };
}

/** A response, and whether its body was cancelled. */
export interface Answer extends TransportResponse {
  discarded: boolean;
}

/** Creates a response without a body. */
export function answer(status: number, headers: Record<string, string> = {}): Answer {
  const response = fromResponse(new Response(null, { status, headers }), "");
  return Object.assign(response, {
    discarded: false,
    async discard(this: Answer) {
      this.discarded = true;
    },
  });
}

/**
 * The next step of a step under test. It records the requests, and returns the responses in sequence, then
 * repeats the last one.
 */
export interface RecordingSend {
  readonly send: Send;
  /** What was sent: the request, and its `Authorization` at that time. */
  readonly sent: { request: OutgoingRequest; authorization: string | null }[];
}

/** A response, or a function that returns one. */
export type NextAnswer = Answer | ((request: OutgoingRequest) => Promise<Answer>);

/** Creates the step. */
export function recordingSend(...answers: readonly NextAnswer[]): RecordingSend {
  const sent: RecordingSend["sent"] = [];
  return {
    sent,
    async send(request) {
      const next = answers[Math.min(sent.length, answers.length - 1)];
      sent.push({ request, authorization: request.headers.get("authorization") ?? null });
      if (next === undefined) throw new RangeError("Cannot answer: there are no answers");
      return typeof next === "function" ? await next(request) : next;
    },
  };
}

/** A stream of one chunk. */
export function streamOf(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}
