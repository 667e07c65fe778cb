/**
 * The route to a model of the API server, which drops the connection if the model says that it is lost.
 *
 * @module
 */

import { writeAnswer } from "../../../runtimes/_shared/write-answer.ts";
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
    await writeAnswer(response, answer, signal);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof LostConnection)) throw error;
    dropConnection(exchange);
  }
}
