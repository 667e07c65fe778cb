/**
 * Deno's permissions, which are looked at and never prompted for.
 *
 * @module
 */

import { type PermissionDescriptor, deno } from "./shim.ts";

/** See {@link Runtime.isDenied}. */
export function isDenied(kind: "env" | "read" | "net" | "run", name: string): boolean {
  return deno().permissions.querySync(descriptor(kind, name)).state !== "granted";
}

function descriptor(kind: "env" | "read" | "net" | "run", name: string): PermissionDescriptor {
  switch (kind) {
    case "env":
      return { name: kind, variable: name };
    case "read":
      return { name: kind, path: name };
    case "net":
      return { name: kind, host: name };
    case "run":
      return { name: kind, command: name };
  }
}
