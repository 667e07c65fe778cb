/**
 * Waiting for what comes about by itself.
 *
 * @module
 */

/**
 * Waits until a condition holds; fails where it never does.
 *
 * @param what the condition in words, for the failure
 * @param holds looks whether it holds
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
