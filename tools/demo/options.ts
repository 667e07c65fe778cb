/**
 * The demo's command line.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** The options of the demo. */
export interface DemoOptions {
  readonly help: boolean;
  /** The file for the picture. */
  readonly svg: string | undefined;
}

/** The output of `--help`. */
export const help = `Rotates a cluster's CA three times under seven clients, and shows what becomes of them.

  npm run demo
  npm run demo -- --svg rotation.svg

Options:
  --svg FILE   also write the timeline as a picture
  --help       print this

Starts API servers on loopback with a CA of their own and a service account's folder as the kubelet
lays it out, then seven clients, each a process of its own: one that reads its CA once, two of
@kubernetes/client-node (a plain request, and exec over a WebSocket), reanchor on Node, Deno and Bun,
and client-node's exec again, connecting by reanchor. It ends by itself in about 25 seconds.

Exit code: 0 if reanchor failed no request but those that began while the server's CA was absent from
ca.crt, or in the 150 ms after it came; 1 if not, or if a client died; 2 for a wrong option.
NO_COLOR turns colours off.
`;

/**
 * Reads the command line.
 *
 * @param args the arguments
 * @throws {TypeError} if one is unknown or lacks its value
 */
export function readOptions(args: string[]): DemoOptions {
  const { values } = parseArgs({
    args,
    options: { help: { type: "boolean", short: "h" }, svg: { type: "string" } },
  });
  if (values.svg === "") throw new TypeError("Option '--svg <value>' is empty: give it a file");
  return { help: values.help ?? false, svg: values.svg };
}
