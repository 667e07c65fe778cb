/**
 * Accepts connections, whatever becomes of one of them: a loop over a listener of Deno ends at its first failure.
 *
 * @module
 */

/** How long accepting rests after a failure, at first and at most (Go `net/http`, `Server.Serve`). */
const REST_MS = { first: 5, most: 1_000 };

/** Who learns of connections. */
export interface AcceptHandlers<T> {
  onConnection(connection: T): void;
  /** Called when a connection could not be accepted, as when too many files are open. */
  onError(error: unknown): void;
  /** Whether the listener has been closed. */
  isClosed(): boolean;
}

/** Accepts connections until the listener is closed. */
export async function acceptAll<T>(
  listener: { accept(): Promise<T> },
  { onConnection, onError, isClosed }: AcceptHandlers<T>,
): Promise<void> {
  for (let restMs = REST_MS.first; !isClosed();) {
    let connection: T;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (isClosed()) return;
      onError(error);
      const ms = restMs;
      await new Promise((resolve) => void setTimeout(resolve, ms));
      restMs = Math.min(2 * restMs, REST_MS.most);
      continue;
    }
    restMs = REST_MS.first;
    onConnection(connection);
  }
}
