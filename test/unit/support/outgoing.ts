/**
 * Requests and answers for the steps between a client and a transport.
 *
 * @module
 */

import type { TransportResponse } from "../../../src/runtime.ts";
import type { OutgoingRequest, Send } from "../../../src/transport/request.ts";
import { fromResponse } from "../../../src/transport/response.ts";

/** Makes a request of a cluster's server, a GET unless told otherwise. */
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

/** An answer, and whether its body was given up. */
export interface Answer extends TransportResponse {
  discarded: boolean;
}

/** Makes an answer without a body. */
export function answer(status: number, headers: Record<string, string> = {}): Answer {
  const response = fromResponse(new Response(null, { status, headers }), "");
  return Object.assign(response, {
    discarded: false,
    async discard(this: Answer) {
      this.discarded = true;
    },
  });
}

/** A step's next step: it records what it is given, and answers one after the other, the last for ever. */
export interface RecordingSend {
  readonly send: Send;
  /** What was sent: the request, and its `Authorization` as it was then. */
  readonly sent: { request: OutgoingRequest; authorization: string | null }[];
}

/** An answer, or what gives it. */
export type NextAnswer = Answer | ((request: OutgoingRequest) => Promise<Answer>);

/** Makes one. */
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
