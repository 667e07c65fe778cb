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

/** Reads on only when it is read, and ends what it reads when it is cancelled. */
export function toWebStream(body: NodeReadable): ReadableStream<Uint8Array<ArrayBuffer>> {
  let over = false;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      body.on("data", (chunk) => {
        // What is destroyed may still hand over what it had read: so Deno's `node:https` does.
        if (over) return;
        controller.enqueue(chunk);
        if ((controller.desiredSize ?? 0) <= 0) body.pause();
      });
      body.on("end", () => {
        if (!over) controller.close();
      });
      body.on("error", (error) => {
        over = true;
        controller.error(error);
      });
      body.pause();
    },
    pull() {
      body.resume();
    },
    cancel(reason) {
      over = true;
      body.destroy(reason instanceof Error ? reason : undefined);
    },
  });
}
