/**
 * What JSR gets: the source and its documents.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { root } from "./project.ts";

test("deno publish packs the source, without slow types, the npm shim and the stand-in", async () => {
  const args = ["publish", "--dry-run", "--allow-dirty", "--config", "deno.offline.json"];
  const { stderr } = await promisify(execFile)(`${root}node_modules/.bin/deno`, args, {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1" },
  });
  const files = Array.from(stderr.matchAll(/^ +file:\/\/(\S+)/gm), ([, path = ""]) =>
    path.slice(root.length),
  );
  expect(files).toEqual(expect.arrayContaining(["runtimes/deno/exists.ts", "LICENSE"]));
  const others = files.filter((file) => !/^(?:src|runtimes)\/.*(?<!\.npm)\.ts$/.test(file));
  expect(others.toSorted()).toEqual([
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    // The config that this dry run has, in place of deno.json.
    "deno.offline.json",
    "package.json",
  ]);
});
