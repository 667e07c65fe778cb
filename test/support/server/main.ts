/**
 * The test API server's process. It prints where it takes control calls as one line of JSON, and
 * ends when its standard input does: when the process that started it has gone.
 *
 * @module
 */

import { listenForControl } from "./control.ts";

process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
process.stdout.write(`${JSON.stringify({ control: await listenForControl() })}\n`);
