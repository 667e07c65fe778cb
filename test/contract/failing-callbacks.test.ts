/**
 * Clause: an exception or a rejection in a user's callback never ends the process, nor the operation that
 * called it.
 *
 * @module
 */

import { expect, test } from "vitest";
import { runProgram } from "./support/program.ts";
import { aPod } from "./support/pods.ts";
import { createVolume, startCluster } from "./support/scene.ts";

test("a program survives although all its callbacks fail, most of them asynchronously", async () => {
  const { ca, server } = await startCluster({ fakeApi: {} });
  await server.fake.put("pods", aPod("pod-0"));
  const { caFile } = await createVolume({ ca: ca.pem });
  const { code, stdout, stderr } = await runProgram("failing-callbacks", [server.origin, caFile])
    .ended;
  expect({ stderr, lines: stdout.trim().split("\n") }).toEqual({
    stderr: "",
    lines: [
      "Cannot use transform: it returned a promise; it must be synchronous",
      "Cannot use index name: it returned a promise; it must be synchronous",
      "Cannot use the condition: it returned a promise; it must be synchronous",
      "added, deleted, modified, onEvent, source listener",
      "done",
    ],
  });
  expect(code).toBe(0);
});
