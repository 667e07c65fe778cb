/**
 * Makes one request after the other and prints a line of JSON for each.
 *
 * @module
 */

const PAUSE_MS = 25;

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Runs for as long as the process does. */
export async function loop(request: () => Promise<unknown>): Promise<never> {
  for (;;) {
    const startedAt = now();
    const error = await request().then(
      () => undefined,
      (cause: unknown) => describe(cause),
    );
    console.log(JSON.stringify({ startedAt, endedAt: now(), error }));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function describe(cause: unknown): string {
  for (let at = cause; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string") return at.code;
  }
  return cause instanceof Error ? cause.message : String(cause);
}
