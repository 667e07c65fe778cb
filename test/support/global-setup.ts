/**
 * Starts one test API server process per run and provides its URL to the tests as `controlUrl`.
 *
 * @module
 */

import type { TestProject } from "vitest/node";
import { startControl } from "./api-server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** What {@linkcode connectControl} needs. */
    controlUrl: string;
  }
}

/**
 * Starts the process before the first test.
 *
 * @param project receives the URL
 * @returns a function that ends the process after the last test
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const control = await startControl();
  project.provide("controlUrl", control.url);
  return async () => await control.close();
}
