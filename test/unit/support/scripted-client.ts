/**
 * A client whose requests are answered in sequence, as the test decides.
 *
 * @module
 */

import type { ReanchorEvent } from "../../../src/events.ts";
import type { FetchInit } from "../../../src/transport/request.ts";
import type { ResourceCall, ResourceClient } from "../../../src/api/api-call.ts";
import type { KubeObject, Stored } from "../../../src/api/object.ts";
import type { ResourceDefinition } from "../../../src/api/resource-definition.ts";
import { ConnectionError } from "../../../src/errors.ts";
import { refusal } from "../../../src/api/apply-conflict.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";

/** A request that was made. */
export interface ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly contentType: string | undefined;
  /** The requested encoding. */
  readonly acceptEncoding?: string | null;
}

/**
 * The response to a request: an error is thrown, and anything else is sent as JSON, except a {@linkcode
 * Stream}.
 */
export type ScriptedAnswer =
  | Stream
  | Error
  | { status: number; body: unknown }
  | object
  | string
  | null;

/** See the module. */
export interface ScriptedClient extends ResourceClient {
  readonly clock: ManualClock;
  readonly requests: ScriptedRequest[];
  readonly events: ReanchorEvent[];
  /** The responses to the next requests, in order. A further request waits until there is another one. */
  answer(...answers: ScriptedAnswer[]): void;
  /** Sets the client's current server. */
  moveTo(server: string): void;
  close(reason: Error): void;
}

/** A kind for tests. */
export const thing: ResourceDefinition = {
  group: "example.com",
  version: "v1",
  kind: "Thing",
  plural: "things",
  namespaced: true,
  subresources: ["status", "scale", "log", "eviction", "resize", "ephemeralcontainers", "binding"],
};

/** Creates the client. */
export function createScriptedClient(fieldManager?: string): ScriptedClient {
  const clock = new ManualClock();
  const requests: ScriptedRequest[] = [];
  const events: ReanchorEvent[] = [];
  const answers: ScriptedAnswer[] = [];
  const waiting: (() => void)[] = [];
  const closing = new AbortController();
  let server = "https://10.96.0.1/";

  async function next(
    request: ScriptedRequest,
    signal?: AbortSignal | null,
  ): Promise<ScriptedAnswer> {
    signal?.throwIfAborted();
    closing.signal.throwIfAborted();
    requests.push(request);
    while (answers.length === 0) {
      await new Promise<void>((resolve, reject) => {
        waiting.push(resolve);
        for (const end of [signal, closing.signal]) {
          end?.addEventListener("abort", () => reject(end.reason as Error), { once: true });
        }
      });
    }
    const answer = answers.shift() as ScriptedAnswer;
    if (answer instanceof Error) throw answer;
    return answer;
  }

  async function fetch(text: string, { signal, headers }: FetchInit = {}): Promise<Response> {
    const { pathname: path, searchParams } = new URL(text, server);
    const query = Object.fromEntries(searchParams);
    const acceptEncoding = new Headers(headers).get("accept-encoding");
    const none = { body: undefined, contentType: undefined };
    const asked = { method: "GET", path, query, acceptEncoding, ...none };
    const answer = await next(asked, signal);
    if (answer instanceof Stream) return answer.open(signal ?? undefined);
    if (!isRefusal(answer)) return Response.json(answer);
    return Response.json(answer.body, { status: answer.status });
  }

  async function call<T>(asked: ResourceCall): Promise<T> {
    const { method, path, query = {}, body, contentType, signal } = asked;
    const parameters = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    );
    const request = { method, path, query: Object.fromEntries(parameters), body, contentType };
    const answer = await next(request, signal);
    if (!isRefusal(answer)) return structuredClone(answer) as T;
    throw refusal({ method, path, status: answer.status, body: JSON.stringify(answer.body) });
  }

  return {
    get server() {
      return server;
    },
    namespace: "default",
    fieldManager,
    clock,
    closing: closing.signal,
    onEvent: (event) => void events.push(event),
    requests,
    events,
    answer(...more) {
      answers.push(...more);
      for (const resolve of waiting.splice(0)) resolve();
    },
    moveTo(to) {
      server = to;
    },
    close: (reason) => closing.abort(reason),
    call,
    async upgrade({ path }) {
      throw new Error(`Cannot upgrade ${path}: the script has no streams`);
    },
    generation: async () => undefined,
    async text(asked) {
      const path = `${asked.path}?${new URLSearchParams(asked.query as Record<string, string>)}`;
      const init = { headers: asked.headers, ...(asked.signal && { signal: asked.signal }) };
      return await (await this.open(path, init as FetchInit)).text();
    },
    fetch,
    async open(text, init, method = "GET") {
      const response = await fetch(text, init);
      if (response.ok) return response;
      const { pathname: path } = new URL(text, server);
      throw refusal({ method, path, status: response.status, body: await response.text() });
    },
  };
}

function isRefusal(answer: ScriptedAnswer): answer is { status: number; body: unknown } {
  if (typeof answer !== "object" || answer === null) return false;
  return "status" in answer && typeof answer.status === "number";
}

/** A response's body that the test writes. */
export class Stream {
  readonly #controller: ReadableStreamDefaultController<Uint8Array>;
  readonly #body: ReadableStream<Uint8Array>;
  /** How many chunks have been requested. */
  pulls = 0;
  /** Whether its reader has cancelled it. */
  isGivenUp = false;

  constructor() {
    let own: ReadableStreamDefaultController<Uint8Array> | undefined;
    this.#body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          own = controller;
        },
        pull: () => void (this.pulls += 1),
        cancel: () => void (this.isGivenUp = true),
      },
      { highWaterMark: 0 },
    );
    this.#controller = own as unknown as ReadableStreamDefaultController<Uint8Array>;
  }

  /** Passes the body to a request. */
  open(signal: AbortSignal | undefined): Response {
    const giveUp = (): void => {
      this.isGivenUp = true;
      this.fail(signal?.reason as Error);
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    return new Response(this.#body);
  }

  /** Reports that something has happened. */
  send(type: string, object: object): this {
    return this.write(`${JSON.stringify({ type, object })}\n`);
  }

  /** Writes text as one chunk. */
  write(text: string): this {
    this.#controller.enqueue(new TextEncoder().encode(text));
    return this;
  }

  /** Ends the body cleanly. */
  end(): this {
    this.#controller.close();
    return this;
  }

  /** Makes the body fail. */
  fail(error: Error = new ConnectionError("The connection was lost")): this {
    try {
      this.#controller.error(error);
    } catch {
      // It has ended.
    }
    return this;
  }
}

/** An object for tests. */
export function aThing(
  name: string,
  resourceVersion: number,
  uid = `uid-${name}`,
): Stored<KubeObject> {
  return {
    apiVersion: "example.com/v1",
    kind: "Thing",
    metadata: {
      name,
      namespace: "default",
      uid,
      resourceVersion: String(resourceVersion),
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
  };
}

/** A bookmark at a version. */
export function bookmark(resourceVersion: number): object {
  return { kind: "Thing", metadata: { resourceVersion: String(resourceVersion) } };
}

/** The bookmark that ends a streaming list. */
export function initialEnd(resourceVersion: number): object {
  return {
    kind: "Thing",
    metadata: {
      resourceVersion: String(resourceVersion),
      annotations: { "k8s.io/initial-events-end": "true" },
    },
  };
}

/** A list as a server returns it: its items omit their kind. */
export function listOf(
  resourceVersion: number,
  things: readonly Stored<KubeObject>[],
  more?: string,
): object {
  return {
    apiVersion: "example.com/v1",
    kind: "ThingList",
    metadata: { resourceVersion: String(resourceVersion), ...(more && { continue: more }) },
    items: things.map(({ metadata }) => ({ metadata })),
  };
}

/** A `Status` of an error. */
export function refusalStatus(code: number, reason: string): Record<string, unknown> {
  return { kind: "Status", apiVersion: "v1", status: "Failure", message: reason, reason, code };
}

/** An error response. */
export function refused(status: number, reason: string): { status: number; body: unknown } {
  return { status, body: refusalStatus(status, reason) };
}
