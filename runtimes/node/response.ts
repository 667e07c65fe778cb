/**
 * A response on Node whose body is given up when the caller drops it unread, as those of the web's
 * `fetch` are: undici's `request` would keep its connection busy for good.
 *
 * @module
 */

import { type ResponseClass, fetchedResponseClass } from "../../src/transport/response.ts";

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

/** See the module. The class is made at its first use, as the one that it extends. */
export function pooledResponseClass(): ResponseClass {
  return (made ??= class PooledResponse extends fetchedResponseClass() {
    readonly #held: Held | undefined;

    constructor(stream: ReadableStream<Uint8Array> | null, init: ResponseInit, url: string) {
      super(stream, init, url);
      if (stream === null) return;
      this.#held = { stream, handedOut: false };
      dropped.register(this, this.#held);
    }

    override get body(): Response["body"] {
      if (this.#held !== undefined) this.#held.handedOut = true;
      return super.body;
    }
  });
}
