/**
 * Finds a cluster as `connect()` does, in a process whose environment a test has set, and prints what it found or
 * the error.
 *
 * Arguments: the folder of the pod's service account, and optionally a folder that the process then moves to
 * before it reads everything again.
 */

import process from "node:process";
import { inferConfig } from "../../../../src/config/infer.ts";
import { entry } from "../entry.ts";

const [root, destination] = process.argv.slice(2);
try {
  const found = await inferConfig(entry.runtime, { root });
  if (destination !== undefined) {
    process.chdir(destination);
    if ("reload" in found) await found.reload();
    else await Promise.all([found.ca?.reload(), found.token?.reload()]);
  }
  const { server, ca, token } = "current" in found ? await found.current() : found;
  const bundle = await ca?.current();
  console.log(
    JSON.stringify({
      server: String(server),
      token: await token?.current(),
      anchors: bundle?.anchors.length,
      failures: [found, ca, token].map((source) =>
        source !== undefined && "status" in source ? source.status.failures : 0,
      ),
    }),
  );
} catch (error) {
  console.log(String(error));
}
