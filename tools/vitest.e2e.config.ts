/**
 * The configuration of the end-to-end tests. `tools/e2e.ts` selects the runtime.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { type ViteUserConfig, defineConfig, mergeConfig } from "vitest/config";
import common from "./vitest.config.ts";

function path(relative: string): string {
  return fileURLToPath(new URL(`../${relative}`, import.meta.url));
}

const config: ViteUserConfig = mergeConfig(
  common,
  defineConfig({ test: { fileParallelism: false, testTimeout: 180_000 } }),
);
// Merging would concatenate the arrays.
config.test = {
  ...config.test,
  include: ["test/e2e/**/*.test.ts", "test/e2e-slow/**/*.test.ts"],
  globalSetup: path("test/e2e/support/global-setup.ts"),
};

export default config;
