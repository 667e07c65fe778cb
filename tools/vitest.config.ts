/**
 * The configuration of the tests. `tools/test.ts` selects the tests and the runtime.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { type ViteUserConfig, defineConfig } from "vitest/config";

function path(relative: string): string {
  return fileURLToPath(new URL(`../${relative}`, import.meta.url));
}

const config: ViteUserConfig = defineConfig({
  root: path("."),
  resolve: {
    alias: { "@std/fs/exists": path("test/support/std-fs/exists.ts") },
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: path("test/support/global-setup.ts"),
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Waits get the time that a loaded machine needs.
    expect: { poll: { timeout: 60_000 } },
    retry: 0,
  },
});

export default config;
