/**
 * Answers a request with a fault.
 *
 * @module
 */

import { sleep } from "../../abort.ts";
import { type Amount, amountOf, type Fault, seededRandom } from "./faults.ts";
import type { ModelClock } from "./model.ts";
import { refusalOf } from "./refusal.ts";
import type { ApiAnswer } from "./request-target.ts";

/** The connection is lost, as a {@linkcode Fault} says. */
export class LostConnection extends Error {
  override readonly name = "LostConnection";
}

/**
 * Answers a request that meets a fault.
 *
 * @param carryOut answers the request normally
 * @throws {LostConnection} if the fault says so
 */
export async function withFault(
  fault: Fault,
  { clock, signal }: { readonly clock: ModelClock; readonly signal: AbortSignal | undefined },
  carryOut: () => ApiAnswer,
): Promise<ApiAnswer> {
  if (fault.delayMs !== undefined) await sleep(clock, fault.delayMs, signal);
  if (fault.isLost) throw new LostConnection("the connection was lost before the answer");
  if (fault.isSilent) await untilGone(signal);
  if (fault.status !== undefined) return refused(fault.status, fault);
  if (fault.isEmpty) {
    return { status: 200, headers: { "Content-Type": "application/json" }, body: "" };
  }
  const answer = carryOut();
  if (fault.isAnswerLost) throw new LostConnection("the connection was lost before the answer");
  const headers =
    fault.warning === undefined
      ? answer.headers
      : { ...answer.headers, Warning: `299 - ${JSON.stringify(fault.warning)}` };
  return { ...answer, headers, body: withFaultyBody(answer.body, fault, signal) };
}

function refused(code: number, fault: Fault): ApiAnswer {
  const { retryAfterSeconds } = fault;
  const { status } = refusalOf(code, fault);
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (retryAfterSeconds !== undefined) headers["Retry-After"] = String(retryAfterSeconds);
  return { status: code, headers, body: `${JSON.stringify(status)}\n` };
}

function withFaultyBody(
  body: ApiAnswer["body"],
  fault: Fault,
  signal: AbortSignal | undefined,
): ApiAnswer["body"] {
  const { firstLine, cutAfterBytes, endAfterBytes, silentAfterBytes, chunkBytes } = fault;
  const said = [firstLine, cutAfterBytes, endAfterBytes, silentAfterBytes, chunkBytes];
  if (said.every((one) => one === undefined)) return body;
  let chunks = typeof body === "string" ? whole(body) : body;
  if (firstLine !== undefined) chunks = startingWith(`${firstLine}\n`, chunks);
  if (silentAfterBytes !== undefined) {
    chunks = limited(chunks, Number(silentAfterBytes), () => untilGone(signal));
  }
  if (endAfterBytes !== undefined) chunks = limited(chunks, Number(endAfterBytes), () => {});
  if (cutAfterBytes !== undefined) {
    chunks = limited(chunks, Number(cutAfterBytes), () => {
      throw new LostConnection("the connection was lost within the answer");
    });
  }
  return chunkBytes === undefined ? chunks : rechunked(chunks, chunkBytes);
}

async function* whole(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

async function* startingWith(
  text: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* whole(text);
  yield* chunks;
}

async function* limited(
  chunks: AsyncIterable<Uint8Array>,
  bytes: number,
  thereafter: () => void | Promise<void>,
): AsyncGenerator<Uint8Array> {
  let left = bytes;
  if (left === 0) return await thereafter();
  for await (const chunk of chunks) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return await thereafter();
  }
}

async function* rechunked(
  chunks: AsyncIterable<Uint8Array>,
  size: Amount,
): AsyncGenerator<Uint8Array> {
  const random = seededRandom(1);
  for await (const chunk of joined(chunks)) {
    for (let at = 0; at < chunk.length;) {
      const end = at + Math.max(1, amountOf(size, random));
      yield chunk.subarray(at, end);
      at = end;
    }
  }
}

/**
 * Joins the chunks that are available at the same time, so that a piece can hold the end of one line and the
 * next line.
 */
async function* joined(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  let next = settled(iterator.next());
  for (;;) {
    const parts: Uint8Array[] = [];
    let got: Settled | undefined = await next;
    while (got?.value !== undefined) {
      parts.push(got.value);
      next = settled(iterator.next());
      got = await Promise.race([next, aTurn()]);
    }
    if (parts.length > 0) yield new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
    if (got === undefined) continue;
    await got.failed;
    return;
  }
}

interface Settled {
  readonly value?: Uint8Array;
  readonly failed?: Promise<unknown>;
}

async function settled(next: Promise<IteratorResult<Uint8Array>>): Promise<Settled> {
  try {
    const { done, value } = await next;
    return done === true ? {} : { value };
  } catch {
    return { failed: next };
  }
}

function aTurn(): Promise<undefined> {
  return new Promise((resolve) => void setTimeout(() => resolve(undefined), 0));
}

function untilGone(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const leave = (): void => reject(new LostConnection("the client has gone"));
    if (signal?.aborted) leave();
    signal?.addEventListener("abort", leave, { once: true });
  });
}
