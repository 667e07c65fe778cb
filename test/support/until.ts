/**
 * Waiting for a condition.
 *
 * @module
 */

/**
 * Waits until a condition holds; fails if it does not in time.
 *
 * @param what the condition in words, for the error
 * @param holds checks the condition
 * @param limitMs how long it may take
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Cannot wait any longer until ${what}`);
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}
