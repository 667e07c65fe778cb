/**
 * What is specific to Node. undici's `request` leaves some things to us that the web's `fetch` does by
 * itself.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";

const program = fileURLToPath(new URL("./programs/node-dropped-response.ts", import.meta.url));

test("fetch() closes the connection when the caller drops the response unread", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    program,
    inject("controlUrl"),
  ]);
  const { before, after, lines } = JSON.parse(stdout);
  expect(before).toBe(10);
  expect(after).toBeLessThanOrEqual(1);
  // A body that is being read outlives its response.
  expect(lines).toBe(20);
});
