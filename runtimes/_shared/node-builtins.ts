/**
 * Modules of Node without their ECMAScript namespaces. To make one reads all exports, and for these two that loads Web
 * Crypto and parses all root certificates that Node is built with.
 *
 * @module
 */

import { process } from "./process.ts";

/** `node:crypto`. */
export function nodeCrypto(): typeof import("node:crypto") {
  return process.getBuiltinModule("node:crypto");
}

/** `node:tls`. */
export function nodeTls(): typeof import("node:tls") {
  return process.getBuiltinModule("node:tls");
}
