/**
 * By which HTTP a client's requests are carried: the runtime's own, or the core's over the runtime's sockets.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { kindOf } from "../options.ts";
import type { Runtime, SocketsOnlySetting } from "../runtime.ts";

/** By whose HTTP requests are carried. */
export type Http = "runtime" | "sockets";

/** What was chosen. */
export interface ChosenHttp {
  /** The runtime, filled by that way. */
  readonly runtime: Runtime;
  readonly http: Http;
}

/**
 * Chooses the way that settings ask for.
 *
 * @param given What the caller chose; `undefined` for the default.
 * @param used What is set, of what a runtime's own HTTP may not be able to honour.
 * @throws {TypeError} if it is no choice. @throws {ConfigError} if the runtime can't honour it.
 */
export function chooseHttp(
  runtime: Runtime,
  given: Http | undefined,
  used: Partial<Record<SocketsOnlySetting, unknown>>,
): ChosenHttp {
  if (given !== undefined && given !== "runtime" && given !== "sockets") {
    const wrong = typeof given === "string" ? JSON.stringify(given) : kindOf(given);
    throw new TypeError(`Cannot use option http: expected "runtime" or "sockets", not ${wrong}`);
  }
  const { name, sockets, onlyBySockets = new Set() } = runtime;
  const needing = [...onlyBySockets].find((setting) => isUsed(used[setting]));
  if (given === "runtime" && needing !== undefined) {
    throw new ConfigError(
      `Cannot use option http on ${name}: "runtime" can't honour ${names[needing]} there; leave http out, or set it to "sockets"`,
    );
  }
  if (given !== "sockets" && needing === undefined) return { runtime, http: "runtime" };
  if (sockets === undefined) {
    throw new ConfigError(
      `Cannot use option http on ${name}: it gives no sockets; leave it out, or set it to "runtime"`,
    );
  }
  // What speaks against settings of its own HTTP does not speak against sockets.
  const {
    conflict: _conflict,
    ignoresCertificateErrors: _ignores,
    onlyBySockets: _only,
    ...others
  } = runtime;
  return { runtime: { ...others, ...sockets }, http: "sockets" };
}

const names: Readonly<Record<SocketsOnlySetting, string>> = {
  exclusiveTrust: "exclusiveTrust",
  insecureSkipTlsVerify: "insecureSkipTlsVerify",
  repeatsHeaders: "an impersonation of several groups",
  serverIdentity: "serverIdentity",
  serverName: "a server name",
};

function isUsed(value: unknown): boolean {
  return value !== undefined && value !== false;
}
