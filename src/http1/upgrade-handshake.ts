/**
 * Changes the protocol of a connection by an HTTP/1.1 request (RFC 9110 section 7.8).
 *
 * @module
 */

import type { ByteStream, HeaderLine, TransportRequest, UpgradedConnection } from "../runtime.ts";
import { responseBody } from "./response-body.ts";
import { exchangeHead } from "./exchange-head.ts";
import { type ResponseHead, fieldOf } from "./response-head.ts";

/** The response of a server that does not change the protocol. */
export interface Refusal {
  readonly head: ResponseHead;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
}

/** What a server made of the request. */
export type UpgradeOutcome =
  | { readonly connection: UpgradedConnection }
  | { readonly refusal: Refusal };

/**
 * Sends a request to upgrade on a connection of its own.
 *
 * @throws {LostError | ConnectionError} if no valid response comes. The connection is closed then.
 */
export async function upgrade(
  stream: ByteStream,
  url: URL,
  request: Pick<TransportRequest, "method" | "headers" | "headerLines">,
): Promise<UpgradeOutcome> {
  const fields: HeaderLine[] = [["host", url.host], ...request.headers, ...request.headerLines];
  const target = `${url.pathname}${url.search}`;
  try {
    const { head, rest } = await exchangeHead(stream, { method: request.method, target, fields });
    if (head.status === 101) return { connection: new Upgraded(stream, head, rest) };
    return { refusal: { head, body: responseBody(stream, head, rest) } };
  } catch (error) {
    stream.abort(error);
    throw error;
  }
}

class Upgraded implements UpgradedConnection {
  readonly closed: Promise<void>;
  readonly #stream: ByteStream;
  readonly #head: ResponseHead;
  #first: Uint8Array<ArrayBuffer> | undefined;

  constructor(stream: ByteStream, head: ResponseHead, first: Uint8Array<ArrayBuffer>) {
    this.#stream = stream;
    this.#head = head;
    this.#first = first.length === 0 ? undefined : first;
    this.closed = stream.closed;
  }

  header(name: string): string | null {
    return fieldOf(this.#head, name);
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const first = this.#first;
    this.#first = undefined;
    return first ?? (await this.#stream.read());
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#stream.write(bytes);
  }

  end(): void {
    this.#stream.end();
  }

  abort(reason: unknown): void {
    this.#first = undefined;
    this.#stream.abort(reason);
  }
}
