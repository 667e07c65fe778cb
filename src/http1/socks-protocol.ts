/**
 * How a connection is asked of a SOCKS5 proxy (RFC 1928, and RFC 1929 for the credentials).
 *
 * @module
 */

const VERSION = 5;
const withoutCredentials = 0;
const byPassword = 2;
const addressKinds = { ipv4: 1, name: 3, ipv6: 4 } as const;
const ipv4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

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

/** The connection to the proxy. */
export interface SocksPeer {
  /** The next bytes, and no more: what follows them is the server's. Fails if there are not as many. */
  take(length: number): Promise<Uint8Array>;
  write(bytes: Uint8Array<ArrayBuffer>): unknown;
}

/** Where the connection is to lead. */
export interface SocksTarget {
  readonly credentials: ProxyCredentials | undefined;
  /** A name, which the proxy is to resolve, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * Asks for a connection. Once it resolves, what is written and read is the server's.
 *
 * @throws {Error} saying what the proxy does not do.
 */
export async function askSocks(
  peer: SocksPeer,
  { credentials, host, port }: SocksTarget,
): Promise<void> {
  await authenticate(peer, credentials);
  await peer.write(Uint8Array.of(VERSION, 1, 0, ...addressOf(host), port >> 8, port & 0xff));
  const [, code = 1, , kind = 0] = await peer.take(4);
  if (code !== 0) throw new Error(refusals[code] ?? `it answered with code ${code}`);
  await peer.take(await addressLength(peer, kind));
}

async function authenticate(
  peer: SocksPeer,
  credentials: ProxyCredentials | undefined,
): Promise<void> {
  const offered = credentials === undefined ? withoutCredentials : byPassword;
  await peer.write(Uint8Array.of(VERSION, 1, offered));
  const [version, chosen] = await peer.take(2);
  if (version !== VERSION) throw new Error("it does not speak SOCKS5");
  if (chosen !== offered) {
    throw new Error(
      credentials === undefined
        ? "it asks for credentials; put a user and a password into its URL"
        : "it does not take a user and a password",
    );
  }
  if (credentials === undefined) return;
  const encoder = new TextEncoder();
  const name = encoder.encode(credentials.name);
  const password = encoder.encode(credentials.password);
  if (name.length > 255 || password.length > 255) {
    throw new Error("the user or the password of its URL is longer than 255 bytes");
  }
  await peer.write(Uint8Array.of(1, name.length, ...name, password.length, ...password));
  const [, status] = await peer.take(2);
  if (status !== 0) throw new Error("it rejects the user and the password of its URL");
}

/** An address, or a name that the proxy is to resolve, as section 5 has them. */
function addressOf(host: string): number[] {
  if (ipv4.test(host)) return [addressKinds.ipv4, ...host.split(".").map(Number)];
  if (host.includes(":")) return [addressKinds.ipv6, ...ipv6Bytes(host)];
  const name = new TextEncoder().encode(host);
  if (name.length > 255) throw new Error("the server's name is longer than 255 bytes");
  return [addressKinds.name, name.length, ...name];
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
async function addressLength(peer: SocksPeer, kind: number): Promise<number> {
  if (kind === addressKinds.ipv4) return 4 + 2;
  if (kind === addressKinds.ipv6) return 16 + 2;
  if (kind !== addressKinds.name) throw new Error("its answer is none of SOCKS5");
  const [length = 0] = await peer.take(1);
  return length + 2;
}
