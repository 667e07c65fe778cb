/**
 * Whether a program's tests have mocked what undici sends.
 *
 * @module
 */

import { MockAgent, getGlobalDispatcher } from "undici";

/**
 * Whether undici's global dispatcher is a `MockAgent`. No other dispatcher takes the place of one whose trust
 * reloads.
 */
export function isMockedGlobally(): boolean {
  const dispatcher: unknown = getGlobalDispatcher();
  if (dispatcher instanceof MockAgent) return true;
  // Of another copy of undici.
  return (
    typeof dispatcher === "object" &&
    dispatcher !== null &&
    dispatcher.constructor.name === "MockAgent" &&
    "assertNoPendingInterceptors" in dispatcher
  );
}
