/**
 * PostgreSQL for a test: the real one if it is installed, and a stand-in that speaks as much of its protocol as a
 * simple query needs (PostgreSQL, "Frontend/Backend Protocol").
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { execFile, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type Socket, connect } from "node:net";
import { dirname, join } from "node:path";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { promisify } from "node:util";
import { Client } from "pg";
import { onTestFinished } from "vitest";
import { until } from "../../../contract/support/scene.ts";
import type { IssuedCertificate } from "../../../support/pki.ts";
import { createWorkplace, findProgram, freePort, unprivileged } from "./installed.ts";
import { type StandIn, type Start, startStandIn } from "./stand-in.ts";

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** A message: a letter, its length and its content. */
function message(type: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const authenticationOk = message("R", int32(0));
const readyForQuery = message("Z", "I");

/** One row with one column of text. */
function row(value: string): Buffer {
  const column = [int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)];
  return Buffer.concat([
    message("T", int16(1), "echo\0", ...column),
    message("D", int16(1), int32(Buffer.byteLength(value)), value),
    message("C", "SELECT 1\0"),
    readyForQuery,
  ]);
}

async function acceptSsl(socket: Socket): Promise<void> {
  const request = await new Promise<Buffer>((resolve) => void socket.once("data", resolve));
  if (!SSL_REQUEST.equals(request)) throw new Error("it asks for no TLS");
  socket.pause();
  socket.write("S");
}

function serve(socket: TLSSocket): void {
  let pending = Buffer.alloc(0);
  let hasStarted = false;
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      // The first message has no letter.
      const start = hasStarted ? 1 : 0;
      if (pending.length < start + 4) return;
      const end = start + pending.readInt32BE(start);
      if (pending.length < end) return;
      const type = hasStarted ? String.fromCodePoint(pending[0] ?? 0) : "startup";
      const text = pending.subarray(start + 4, end).toString();
      pending = pending.subarray(end);
      hasStarted = true;
      if (type === "startup") socket.write(Buffer.concat([authenticationOk, readyForQuery]));
      else if (type === "Q") socket.write(row(/'(.*)'/.exec(text)?.[1] ?? ""));
      else if (type === "X") socket.end();
    }
  });
}

/** Starts a stand-in for PostgreSQL. */
export async function startPostgresStandIn(issued: IssuedCertificate): Promise<StandIn> {
  return await startStandIn(issued, { begin: acceptSsl, serve });
}

const initdb = findProgram("/usr/lib/postgresql/*/bin/initdb", "/usr/{,local/}bin/initdb");
const postgresUser = unprivileged("postgres");

/** Starts the real PostgreSQL; `undefined` if it is not installed. */
export const startPostgres: Start | undefined =
  initdb === undefined || postgresUser === undefined
    ? undefined
    : async (issued) => {
        const place = createWorkplace(postgresUser);
        const data = join(place.folder, "data");
        const run = promisify(execFile);
        await run(initdb, ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], place.user);
        place.write(issued);
        const port = await freePort();
        const settings = {
          listen_addresses: "127.0.0.1",
          port,
          unix_socket_directories: place.folder,
          fsync: "off",
          ssl: "on",
          ssl_cert_file: join(place.folder, "tls.crt"),
          ssl_key_file: join(place.folder, "tls.key"),
          log_connections: "on",
        };
        await writeFile(join(data, "pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n");
        const options = Object.entries(settings).flatMap(([name, value]) => [
          "-c",
          `${name}=${value}`,
        ]);
        const server = spawn(join(dirname(initdb), "postgres"), ["-D", data, ...options], {
          ...place.user,
          stdio: ["ignore", "ignore", "pipe"],
        });
        let log = "";
        let accepted = 0;
        server.stderr.setEncoding("utf8").on("data", (text: string) => {
          log += text;
          accepted += text.split("SSL enabled").length - 1;
        });
        onTestFinished(async () => {
          const ended = once(server, "exit");
          server.kill("SIGQUIT");
          await ended;
        });
        await until("PostgreSQL is ready", () => log.includes("ready to accept connections"));
        // The administrator trusts every local user.
        const admin = async (query: string): Promise<number> => {
          const client = new Client({
            host: "127.0.0.1",
            port,
            user: "postgres",
            ssl: { rejectUnauthorized: false },
          });
          await client.connect();
          try {
            return (await client.query(query)).rowCount ?? 0;
          } finally {
            await client.end();
          }
        };
        return {
          port,
          connections: () => accepted,
          async swap(next) {
            place.write(next);
            const fingerprint = new X509Certificate(next.cert).fingerprint256;
            server.kill("SIGHUP");
            await until("it has the certificate", async () => (await shown(port)) === fingerprint);
          },
          async dropConnections() {
            const others = `backend_type = 'client backend' AND pid <> pg_backend_pid()`;
            await admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${others}`);
            await until(
              "they are gone",
              async () => (await admin(`SELECT 1 FROM pg_stat_activity WHERE ${others}`)) === 0,
            );
          },
        };
      };

/** The fingerprint of the certificate that a new connection receives. */
async function shown(port: number): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    socket.write(SSL_REQUEST);
    await once(socket, "readable");
    socket.read(1);
    const secured = tlsConnect({ socket, rejectUnauthorized: false });
    await once(secured, "secureConnect");
    return secured.getPeerCertificate().fingerprint256;
  } finally {
    socket.destroy();
  }
}
