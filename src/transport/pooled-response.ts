/**
 * A response whose body is given up when the caller drops it unread, as those of the web's `fetch` are: otherwise it
 * would keep its connection busy for good.
 *
 * @module
 */

import { type FetchedBody, type ResponseClass, fetchedResponseClass } from "./response.ts";

/** A body, and whether the caller has it in hand beside the response. */
interface Held {
  readonly stream: ReadableStream<Uint8Array>;
  handedOut: boolean;
}

const dropped = new FinalizationRegistry<Held>(({ stream, handedOut }) => {
  // Locked means that somebody reads it: a clone, or a consumer that dropped the response meanwhile.
  if (!handedOut && !stream.locked) stream.cancel().catch(() => {});
});

let made: ResponseClass | undefined;

/** The class is made at its first use, as the one that it extends. */
export function pooledResponseClass(): ResponseClass {
  return (made ??= class PooledResponse extends fetchedResponseClass() {
    readonly #held: Held | undefined;

    constructor(body: FetchedBody, init: ResponseInit, url: string) {
      super(body, init, url);
      // What has arrived as a whole holds no connection.
      if (!(body instanceof ReadableStream)) return;
      this.#held = { stream: body, handedOut: false };
      dropped.register(this, this.#held);
    }

    override get body(): Response["body"] {
      if (this.#held !== undefined) this.#held.handedOut = true;
      return super.body;
    }
  });
}
