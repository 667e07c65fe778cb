/**
 * The route to a model of the API server: over it, a lost connection is one.
 *
 * @module
 */

import { once } from "node:events";
import { LostConnection } from "../../../src/testing/model/faulty-answer.ts";
import type { FakeApi } from "../../../src/testing/model/fake-api.ts";
import { dropConnection, type Exchange, readBody } from "./exchange.ts";

/** Whether the model answers for the path. */
export function isFakeApiPath(pathname: string): boolean {
  return /^\/apis?(\/|$)/.test(pathname);
}

/**
 * Answers as the model does.
 *
 * @param exchange the request
 * @param api the model
 */
export async function serveFakeApi(exchange: Exchange, api: FakeApi): Promise<void> {
  const { recorded, response, gone: signal } = exchange;
  const body = (await readBody(exchange)).toString();
  const { method, url, headers } = recorded;
  try {
    const answer = await api.handle({ method, url, headers: new Headers(headers), body, signal });
    response.writeHead(answer.status, answer.headers);
    if (typeof answer.body === "string") return void response.end(answer.body);
    response.flushHeaders();
    for await (const chunk of answer.body) await write(exchange, chunk);
    response.end();
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof LostConnection)) throw error;
    dropConnection(exchange);
  }
}

/** Waits until the chunk has left, so that a connection that is lost thereafter has carried it. */
async function write({ response, gone }: Exchange, chunk: Uint8Array): Promise<void> {
  const left = new Promise<void>((resolve) => void response.write(chunk, () => resolve()));
  await Promise.race([left, once(gone, "abort")]);
}
