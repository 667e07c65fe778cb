/**
 * The test API server's process. It prints the origin of its control calls as one line of JSON. It ends when
 * its standard input ends, which happens when the process that started it has ended.
 *
 * @module
 */

import { listenForControl } from "./control.ts";

process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
process.stdout.write(`${JSON.stringify({ control: await listenForControl() })}\n`);
