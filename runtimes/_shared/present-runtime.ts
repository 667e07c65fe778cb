/**
 * Which runtime this is, for entries that would do less than they say on another one.
 *
 * @module
 */

import { ConfigError } from "../../src/errors.ts";
import { process } from "./process.ts";

type RuntimeName = "Node" | "Deno" | "Bun";

/** The runtime that this is. */
export function presentRuntime(): RuntimeName {
  if (process.versions["bun"] !== undefined) return "Bun";
  return process.versions["deno"] === undefined ? "Node" : "Deno";
}

/**
 * Rejects what needs undici if this is Bun: `import "undici"` on Bun gives Bun's own stand-in, which ignores
 * CA bundles and lacks half of its methods.
 *
 * @param what The name that is imported.
 * @param advice What to use on Bun.
 * @throws {ConfigError} on Bun.
 */
export function requireUndici(what: string, advice: string): void {
  if (presentRuntime() !== "Bun") return;
  const reason = "it needs undici, in whose place Bun has one that ignores CA bundles";
  throw new ConfigError(`Cannot use ${what} on Bun: ${reason}; ${advice}`);
}

/**
 * Rejects what Node alone can do.
 *
 * @param what The name of it.
 * @param advice What to use elsewhere.
 * @throws {ConfigError} on every other runtime.
 */
export function requireNode(what: string, advice: string): void {
  const present = presentRuntime();
  if (present === "Node") return;
  throw new ConfigError(`Cannot use ${what} on ${present}: only Node can do it; ${advice}`);
}

/**
 * Rejects what needs Bun's `fetch`: any other would ignore the CA bundle, and trust the runtime's own store.
 *
 * @throws {ConfigError} on every other runtime.
 */
export function requireBun(): void {
  const present = presentRuntime();
  if (present === "Bun") return;
  const reason = "fetch there does not take the CA bundle that Bun's fetch takes";
  const advice = `import reanchor, or reanchor/${present.toLowerCase()}`;
  throw new ConfigError(`Cannot use reanchor/bun on ${present}: ${reason}; ${advice}`);
}

/**
 * Rejects what holds a server's connections ahead of their handshakes if this is Bun.
 *
 * @param what The name that is imported.
 * @throws {ConfigError} on Bun.
 */
export function requireHeldHandshakes(what: string): void {
  if (presentRuntime() !== "Bun") return;
  const reason =
    "its servers start TLS before a connection can wait, those of node:https and Bun.serve keep the certificate that they began with, and none can change its ticket keys";
  const advice = "run the server on Node or Deno, or behind a proxy that ends TLS";
  throw new ConfigError(`Cannot use ${what} on Bun: ${reason}; ${advice}`);
}
