/**
 * What `exec.mjs` does, by `@kubernetes/client-node`.
 *
 * @module
 */

import process from "node:process";
import { PassThrough, Readable, Writable } from "node:stream";
import { Exec, KubeConfig } from "@kubernetes/client-node";

const { task, kubeconfig, pod, bytes } = JSON.parse(process.argv[2]);
const PIECE = Buffer.alloc(1_000_000);

const config = new KubeConfig();
config.loadFromFile(kubeconfig);

let received = 0;
const stdout = new Writable({
  write(chunk, _encoding, done) {
    received += chunk.length;
    done();
  },
});
const commands = {
  send: ["sh", "-c", "cat > /dev/null"],
  receive: ["head", "-c", String(bytes), "/dev/zero"],
  small: ["true"],
};

function* input() {
  for (let sent = 0; sent < bytes; sent += PIECE.length) yield PIECE;
}

await new Promise((resolve, reject) => {
  const stdin = task === "send" ? Readable.from(input()) : null;
  const isRead = task !== "send";
  new Exec(config)
    .exec(
      "default",
      pod,
      "main",
      commands[task],
      isRead ? stdout : null,
      isRead ? new PassThrough() : null,
      stdin,
      false,
      (status) => {
        if (status.status === "Success") resolve();
        else reject(new Error(`Cannot compare: ${status.message}`));
      },
    )
    .catch(reject);
});
if (task === "receive" && received !== bytes)
  throw new Error(`Cannot compare: ${received} bytes were received`);
process.stdout.write("{}\n", () => process.exit(0));
