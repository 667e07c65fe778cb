/**
 * A connection by way of a SOCKS5 proxy (RFC 1928, and RFC 1929 for the credentials).
 *
 * @module
 */

import { once } from "node:events";
import { type Socket, connect, isIP } from "node:net";

const VERSION = 5;
const withoutCredentials = 0;
const byPassword = 2;
const addressKinds = { ipv4: 1, name: 3, ipv6: 4 } as const;

/** RFC 1928 section 6. */
const refusals: Readonly<Record<number, string>> = {
  1: "it failed",
  2: "its rules do not allow the connection",
  3: "the network is unreachable from there",
  4: "the host is unreachable from there",
  5: "the server refused the connection",
  6: "the connection's time to live expired",
  7: "it does not support CONNECT",
  8: "it does not support this kind of address",
};

/** A user and a password, each of which may be empty. */
export interface ProxyCredentials {
  readonly name: string;
  readonly password: string;
}

/** Where a connection leads, and how. */
export interface SocksOptions {
  readonly proxyHost: string;
  readonly proxyPort: number;
  readonly credentials: ProxyCredentials | undefined;
  readonly host: string;
  readonly port: number;
  /** Ends the attempt at once. */
  readonly signal: AbortSignal;
}

/** Connects to a host and port by way of the proxy. */
export async function connectBySocks({
  proxyHost,
  proxyPort,
  credentials,
  host,
  port,
  signal,
}: SocksOptions): Promise<Socket> {
  const socket = connect({ host: proxyHost, port: proxyPort });
  socket.on("error", ignore);
  const onAbort = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort);
  try {
    await once(socket, "connect");
    await authenticate(socket, credentials);
    const target = Buffer.from([VERSION, 1, 0, ...addressOf(host), port >> 8, port & 0xff]);
    socket.write(target);
    const [, code = 1, , kind = 0] = await take(socket, 4);
    if (code !== 0) throw new Error(refusals[code] ?? `it answered with code ${code}`);
    await take(socket, await addressLength(socket, kind));
    socket.off("error", ignore);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Every read finds the failure at the socket; without a listener, it would end the process. */
function ignore(): void {}

async function authenticate(
  socket: Socket,
  credentials: ProxyCredentials | undefined,
): Promise<void> {
  const offered = credentials === undefined ? withoutCredentials : byPassword;
  socket.write(Buffer.from([VERSION, 1, offered]));
  const [version, chosen] = await take(socket, 2);
  if (version !== VERSION) throw new Error("it does not speak SOCKS5");
  if (chosen !== offered) {
    throw new Error(
      credentials === undefined
        ? "it asks for credentials; put a user and a password into its URL"
        : "it does not take a user and a password",
    );
  }
  if (credentials === undefined) return;
  const name = Buffer.from(credentials.name);
  const password = Buffer.from(credentials.password);
  if (name.length > 255 || password.length > 255) {
    throw new Error("the user or the password of its URL is longer than 255 bytes");
  }
  socket.write(Buffer.from([1, name.length, ...name, password.length, ...password]));
  const [, status] = await take(socket, 2);
  if (status !== 0) throw new Error("it rejects the user and the password of its URL");
}

/** An address, or a name that the proxy is to resolve, as section 5 has them. */
function addressOf(host: string): number[] {
  switch (isIP(host)) {
    case 4:
      return [addressKinds.ipv4, ...host.split(".").map(Number)];
    case 6:
      return [addressKinds.ipv6, ...ipv6Bytes(host)];
    default: {
      const name = Buffer.from(host);
      if (name.length > 255) throw new Error("the server's name is longer than 255 bytes");
      return [addressKinds.name, name.length, ...name];
    }
  }
}

function ipv6Bytes(host: string): number[] {
  // In the one spelling of a URL, where "::" stands for all groups that are missing.
  const canonical = new URL(`http://[${host}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = canonical
    .split("::")
    .map((part) => part.split(":").filter((group) => group !== ""));
  const gap = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...gap, ...tail].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** How many bytes of address and port follow in an answer. */
async function addressLength(socket: Socket, kind: number): Promise<number> {
  if (kind === addressKinds.ipv4) return 4 + 2;
  if (kind === addressKinds.ipv6) return 16 + 2;
  if (kind !== addressKinds.name) throw new Error("its answer is none of SOCKS5");
  const [length = 0] = await take(socket, 1);
  return length + 2;
}

/** The next bytes of a socket, and no more: what follows them is the server's. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const chunk = socket.read(length) as Buffer | null;
    if (chunk?.length === length) return chunk;
    if (chunk !== null || socket.destroyed) {
      throw socket.errored ?? new Error("it closed the connection");
    }
    await change(socket);
  }
}

/** Resolves when there is more to read, or the connection has ended. */
function change(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const goOn = (): void => {
      socket.off("readable", goOn).off("close", goOn);
      resolve();
    };
    socket.on("readable", goOn).on("close", goOn);
  });
}
