/**
 * A stream of `node:https` as a web stream.
 *
 * @module
 */

/** What is used of `stream.Readable`. */
export interface NodeReadable {
  on(event: "data", listener: (chunk: Uint8Array<ArrayBuffer>) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  pause(): unknown;
  resume(): unknown;
  destroy(error?: Error): unknown;
}

/** The connection that it comes by. */
export interface Pausable {
  hold(): void;
  release(): void;
}

/** Reads on only when it is read, and ends what it reads when it is cancelled. */
export function toWebStream(
  body: NodeReadable,
  source: Pausable,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let over = false;
  function pause(): void {
    body.pause();
    source.hold();
  }
  function end(): void {
    over = true;
    source.release(); // The connection may be another request's by now.
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      body.on("data", (chunk) => {
        // A destroyed stream may still emit what it has read: Deno's `node:https` does so.
        if (over) return;
        controller.enqueue(chunk);
        if ((controller.desiredSize ?? 0) <= 0) pause();
      });
      body.on("end", () => {
        if (over) return;
        end();
        controller.close();
      });
      body.on("error", (error) => {
        end();
        controller.error(error);
      });
      pause();
    },
    pull() {
      source.release();
      body.resume();
    },
    cancel(reason) {
      end();
      body.destroy(reason instanceof Error ? reason : undefined);
    },
  });
}
