/**
 * A shell in a pod, as `kubectl exec -it POD -- COMMAND`: `node main.ts POD [COMMAND...]`, on Deno and Bun alike.
 */

import { spawnSync } from "node:child_process";
import process from "node:process";
import { connect } from "reanchor";
import { Pod } from "reanchor/resources";

const [pod = "", ...command] = process.argv.slice(2);
const { stdin, stdout } = process;

const kube = await connect();
const shell = await kube
  .resource(Pod)
  .exec(pod, command.length > 0 ? command : ["sh"], { stdin: "pipe", tty: true });
const resize = (): Promise<void> => shell.resize({ columns: stdout.columns, rows: stdout.rows });
const keys = shell.stdin.getWriter();
const ignore = (): void => {}; // Ignored: the shell has ended, and `exit` reports how.

if (stdin.isTTY) {
  stdin.setRawMode(true);
  // The pod's terminal already ends lines with CR LF. In raw mode, this terminal would still add a CR.
  spawnSync("stty", ["-opost"], { stdio: "inherit" });
}
stdin.on("data", (typed) => void keys.write(typed).catch(ignore));
stdin.on("end", () => void keys.close().catch(ignore));
stdout.on("resize", () => void resize().catch(ignore));
let code = 1;
try {
  if (stdout.isTTY) await resize();
  for await (const output of shell.stdout) stdout.write(output);
  ({ code } = await shell.exit);
} finally {
  if (stdin.isTTY) stdin.setRawMode(false); // Restores all settings, including `opost`.
  await kube.close();
}
process.exit(code);
