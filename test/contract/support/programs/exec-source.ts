/**
 * Takes a credential from an exec plugin, prints it or the error's message, and leaves the rest to the
 * runtime: whatever still keeps the process alive then was left behind.
 *
 * Arguments: the plugin, and how long to wait at most for it, in milliseconds, both as JSON.
 */

import process from "node:process";
import { createExecSource } from "../../../../src/config/kubeconfig/exec-plugin.ts";
import { entry } from "../entry.ts";

const [plugin = "", options = "{}"] = process.argv.slice(2);
const { timeoutMs, patienceMs } = JSON.parse(options);
const cluster = () => Promise.resolve({ server: "https://api.example:6443", config: null });
const source = createExecSource(entry.runtime, JSON.parse(plugin), { timeoutMs, cluster });

const impatience = new AbortController();
const timer = patienceMs && setTimeout(() => impatience.abort(new Error("enough")), patienceMs);
try {
  console.log((await source.current({ signal: impatience.signal })).token);
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
}
clearTimeout(timer);
