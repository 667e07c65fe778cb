/**
 * Redis for a test: the real one if it is installed, and a stand-in that implements just the part of its
 * protocol (RESP 2 and 3) that drivers need to connect and to echo.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { createClient } from "redis";
import { onTestFinished } from "vitest";
import { until } from "../../../contract/support/scene.ts";
import { createWorkplace, findProgram, freePort } from "./installed.ts";
import { type Start, startStandIn } from "./stand-in.ts";

/** Takes one complete command off the received bytes. */
function nextCommand(text: string): { words: string[]; length: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return undefined;
  const words: string[] = [];
  let at = head[0].length;
  for (let count = Number(head[1]); count > 0; count -= 1) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (size === null) return undefined;
    const start = at + size[0].length;
    const end = start + Number(size[1]);
    if (text.length < end + 2) return undefined;
    words.push(text.slice(start, end));
    at = end + 2;
  }
  return { words, length: at };
}

function bulk(value: string): string {
  return `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
}

function answer([command = "", ...words]: readonly string[]): string {
  switch (command.toUpperCase()) {
    case "HELLO":
      return `%3\r\n${bulk("server")}${bulk("redis")}${bulk("version")}${bulk("7.0.0")}${bulk("proto")}:3\r\n`;
    case "ECHO":
      return bulk(words[0] ?? "");
    case "INFO":
      return bulk("redis_version:7.0.0\r\nloading:0\r\n");
    case "QUIT":
    case "CLIENT":
    case "SELECT":
      return "+OK\r\n";
    default:
      return "+PONG\r\n";
  }
}

function serve(socket: TLSSocket): void {
  let pending = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    pending += chunk;
    for (let command = nextCommand(pending); command; command = nextCommand(pending)) {
      pending = pending.slice(command.length);
      socket.write(answer(command.words), "latin1");
    }
  });
}

/** Starts a stand-in for Redis. */
export const startRedisStandIn: Start = async (issued) => await startStandIn(issued, { serve });

const program = findProgram("/usr/{,local/}bin/redis-server");

/** Starts the real Redis; `undefined` if it is not installed. */
export const startRedis: Start | undefined =
  program === undefined
    ? undefined
    : async (issued) => {
        const place = createWorkplace({});
        place.write(issued);
        const [port, plainPort] = [await freePort(), await freePort()];
        const files = {
          "tls-cert-file": join(place.folder, "tls.crt"),
          "tls-key-file": join(place.folder, "tls.key"),
        };
        const settings = {
          ...files,
          bind: "127.0.0.1",
          port: plainPort,
          "tls-port": port,
          "tls-auth-clients": "no",
          save: "",
          dir: place.folder,
        };
        const options = Object.entries(settings).flatMap(([name, value]) => [
          `--${name}`,
          String(value),
        ]);
        const server = spawn(program, options, { stdio: ["ignore", "pipe", "ignore"] });
        let log = "";
        server.stdout.setEncoding("utf8").on("data", (text: string) => (log += text));
        onTestFinished(async () => {
          const ended = once(server, "exit");
          server.kill("SIGKILL");
          await ended;
        });
        await until("Redis is ready", () => log.includes("Ready to accept connections"));
        const admin = createClient({ socket: { host: "127.0.0.1", port: plainPort } });
        await admin.connect();
        onTestFinished(() => admin.destroy());
        let dropped = 0;
        return {
          port,
          connections: () => dropped + 1,
          async swap(next) {
            place.write(next);
            await admin.sendCommand(["CONFIG", "SET", ...Object.entries(files).flat()]);
          },
          async dropConnections() {
            const count = await admin.sendCommand(["CLIENT", "KILL", "TYPE", "normal"]);
            dropped += Number(count);
          },
        };
      };
