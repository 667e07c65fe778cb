/**
 * An exec plugin; Node runs it in every lane. Its argument says what it does, and `PLUGIN_LOG` names the file
 * that each run adds a line to: the id of its process, and of one that it has started.
 */

import { spawn } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import process from "node:process";

const { PLUGIN_LOG, PLUGIN_OUTPUT = "", KUBERNETES_EXEC_INFO = "" } = process.env;
const { apiVersion, spec } = JSON.parse(KUBERNETES_EXEC_INFO || "{}");

function log(...ids) {
  if (PLUGIN_LOG) appendFileSync(PLUGIN_LOG, `${ids.join(" ")}\n`);
}

function printCredential(status) {
  console.log(JSON.stringify({ kind: "ExecCredential", apiVersion, status }));
}

const ways = {
  print: () => void process.stdout.write(PLUGIN_OUTPUT),
  // The run's number, so that a test sees which run a token is of.
  count() {
    const runs = readFileSync(PLUGIN_LOG, "utf8").trim().split("\n");
    printCredential({ token: `run-${runs.length}`, expirationTimestamp: PLUGIN_OUTPUT });
  },
  // What it was told, as a token.
  echo: () => printCredential({ token: btoa(JSON.stringify({ apiVersion, spec })) }),
  environment: () =>
    printCredential({ token: `${encodeURIComponent(process.env.PATH)} ${PLUGIN_OUTPUT}` }),
  // What stands on its standard input, as a token.
  ask() {
    process.stderr.write("Password: ");
    process.stdin.once("data", (line) => {
      printCredential({
        token: `${String(line).trim()} at ${process.stdin.isTTY ? "tty" : "none"}`,
      });
      process.exit();
    });
    process.stdin.once("end", () => printCredential({ token: "nobody" }));
  },
  fail() {
    printCredential({ token: PLUGIN_OUTPUT });
    console.error("there is no profile of that name");
    process.exitCode = 73;
  },
  // All that may be in what a plugin says, and far too much of it.
  "fail at length"() {
    console.error("begin".repeat(200));
    console.error(PLUGIN_OUTPUT);
    process.exitCode = 1;
  },
  // In whatever encoding it is given.
  "print bytes": () => void process.stdout.write(Buffer.from(PLUGIN_OUTPUT, "base64")),
  // As one that starts a cache in the background: what it leaves behind holds its standard error open.
  "leave a child"() {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 60_000)"], {
      stdio: ["ignore", "ignore", "inherit"],
      detached: true,
    });
    child.unref();
    log(process.pid, child.pid);
    printCredential({ token: "sesame" });
  },
  large: () => void process.stdout.write("x".repeat(2 * 1024 * 1024)),
  hang: () => void setInterval(() => {}, 60_000),
  // As a shell script does: what it has started holds its standard output open.
  "hang with a child"() {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 60_000)"], {
      stdio: "inherit",
    });
    log(process.pid, child.pid);
  },
};

const [, , way] = process.argv;
if (!way.endsWith("a child")) log(process.pid);
ways[way]();
