/**
 * The system around a program, as Node and Bun give it: time, files, programs and variables.
 *
 * @module
 */

import type { Runtime } from "../../src/runtime.ts";
import { nodeClock } from "./node-clock.ts";
import { lazyPrograms } from "./lazy-programs.ts";
import { nodeFiles } from "./node-files.ts";
import { nodeCrypto } from "./node-builtins.ts";
import { checkCertificate } from "./openssl-anchors.ts";
import { process } from "./process.ts";

type SystemPart =
  | "checkCertificate"
  | "clock"
  | "env"
  | "files"
  | "isDenied"
  | "local"
  | "programs"
  | "sha256";

export const nodeSystem: Required<Pick<Runtime, SystemPart>> = {
  clock: nodeClock,
  files: nodeFiles,
  local: async () => (await import("./node-local-system.ts")).nodeLocal,
  programs: lazyPrograms(async () => (await import("./node-programs.ts")).nodePrograms),
  env: (name) => process.env[name],
  isDenied: () => false,
  checkCertificate,
  sha256: (bytes) => nodeCrypto().createHash("sha256").update(bytes).digest("hex"),
};
