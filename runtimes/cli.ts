#!/usr/bin/env node
/**
 * The command line: `npx reanchor generate crd.yaml`. It runs on Node, Deno and Bun.
 *
 * @module
 */

import process from "node:process";
import { runCommand } from "./cli/commands.ts";

// What it fails with is said by `print()`.
process.stdout.on("error", () => {});

process.exitCode = await runCommand(process.argv.slice(2), {
  async print(text) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
    });
  },
  complain: (text) => void process.stderr.write(text),
});
