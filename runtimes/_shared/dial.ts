/**
 * Connections of their own: TCP, a proxy if there is one, and TLS. Requests that change the protocol go over them, and
 * all requests if HTTP is spoken over sockets. `node:https` and WebSocket classes either hide what a server answers, or
 * read without limit.
 *
 * @module
 */

import type { ConnectionOptions } from "node:tls";
import { exchangeHead } from "../../src/http1/exchange-head.ts";
import { askSocks } from "../../src/http1/socks-protocol.ts";
import { withoutBrackets } from "../../src/ip-address.ts";
import type { ByteStream, PoolOptions, TlsSnapshot } from "../../src/runtime.ts";
import { failureByCode } from "./node-error-codes.ts";
import { type PresentedCertificate, chainOf } from "./server-identity.ts";
import { type IdentityOptions, identityOptions } from "./node-server-identity.ts";
import {
  ProxyError,
  credentialsOf,
  proxyAddress,
  proxyAuthorization,
  refusedByProxy,
  unusableProxy,
} from "./proxy.ts";
import type { TcpAddress } from "./tcp-address.ts";
import { startTls } from "./tls-bytes.ts";

/** How the connections of a pool are made. */
export interface Dialler {
  readonly trust: TlsSnapshot;
  readonly options: PoolOptions;
  /** Opens a TCP connection; fails with the signal's reason once that is aborted. */
  openTcp(address: TcpAddress, signal: AbortSignal): Promise<ByteStream>;
  /** What TLS trusts, and unless it is a proxy that is spoken to, the client certificate that it shows. */
  tls(isProxy: boolean): ConnectionOptions;
  /** What speaks against a server's chain that `node:tls` of this runtime accepts. */
  readonly checkChain?: (
    certificate: PresentedCertificate,
    onPath: (path: readonly Uint8Array[]) => void,
  ) => Error | undefined;
  /** Opens a TLS connection that needs no proxy, where that is better than TLS over {@link Dialler.openTcp}. */
  openTls?(options: ConnectionOptions, signal: AbortSignal): Promise<ByteStream>;
}

/**
 * Connects to the origin of a URL within the time limit.
 *
 * @param signal Ends the attempt, and then the connection for as long as it lives.
 * @throws What the runtime says of the failure, or the signal's reason.
 */
export async function dial(
  dialler: Dialler,
  target: URL,
  signal: AbortSignal | undefined,
): Promise<ByteStream> {
  const { connectTimeoutMs } = dialler.options;
  const life = new AbortController();
  const onAbort = (): void => life.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted === true) onAbort();
  const limit = `it took longer than ${connectTimeoutMs} ms`;
  const timer = setTimeout(() => life.abort(late(target, limit)), connectTimeoutMs);
  const forget = (): void => signal?.removeEventListener("abort", onAbort);
  try {
    const stream = await open(dialler, target, life.signal);
    void stream.closed.then(forget);
    return stream;
  } catch (error) {
    forget();
    life.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function open(dialler: Dialler, target: URL, signal: AbortSignal): Promise<ByteStream> {
  const { insecureSkipTlsVerify, proxy } = dialler.trust;
  const host = withoutBrackets(target.hostname);
  const isSecure = target.protocol === "https:";
  const port = Number(target.port || (isSecure ? 443 : 80));
  const options = {
    ...dialler.tls(false),
    ...identityOf(dialler, host, dialler.trust),
    host,
    port,
    rejectUnauthorized: !insecureSkipTlsVerify,
    ALPNProtocols: ["http/1.1"],
  };
  if (proxy === undefined && isSecure && dialler.openTls !== undefined) {
    const secured = await dialler.openTls(options, signal);
    return await confirmed(endedBy(secured, signal), dialler);
  }
  const bytes =
    proxy === undefined
      ? endedBy(await dialler.openTcp({ host, port }, signal), signal)
      : await openTunnel({ dialler, proxy, host, port, signal });
  if (!isSecure) return bytes;
  const secured = await startTls(bytes, options);
  return await confirmed(endedBy(secured, signal), dialler);
}

function identityOf(
  { checkChain, options: { onChain } }: Dialler,
  host: string,
  expected?: TlsSnapshot,
): IdentityOptions {
  const { servername, checkServerIdentity } = identityOptions(host, expected);
  return {
    servername,
    checkServerIdentity(name, certificate) {
      let chain = chainOf(certificate);
      const refusal =
        checkChain?.(certificate, (path) => (chain = [...path])) ??
        checkServerIdentity(name, certificate);
      if (refusal === undefined && expected !== undefined) onChain?.(chain);
      return refusal;
    },
  };
}

interface Tunnel {
  readonly dialler: Dialler;
  readonly proxy: URL;
  readonly host: string;
  readonly port: number;
  readonly signal: AbortSignal;
}

async function openTunnel(tunnel: Tunnel): Promise<ByteStream> {
  try {
    return await throughProxy(tunnel);
  } catch (error) {
    tunnel.signal.throwIfAborted();
    if (error instanceof ProxyError || failureByCode(error) === "late-handshake") throw error;
    throw unusableProxy(tunnel.proxy, error);
  }
}

async function throughProxy({ dialler, proxy, host, port, signal }: Tunnel): Promise<ByteStream> {
  const credentials = credentialsOf(proxy);
  const address = proxyAddress(proxy);
  let bytes = endedBy(await dialler.openTcp(address, signal), signal);
  try {
    if (proxy.protocol === "socks5:") {
      const reader = new ExactReader(bytes);
      const peer = {
        take: async (length: number) => await reader.take(length),
        write: async (sent: Uint8Array<ArrayBuffer>) => await bytes.write(sent),
      };
      await askSocks(peer, { credentials, host, port });
      reader.checkEmpty();
      return bytes;
    }
    if (proxy.protocol === "https:") {
      // It gets credentials, so it is always verified, even if the server is not.
      const identity = identityOf(dialler, address.host);
      const options = { ...dialler.tls(true), ...identity, host: address.host };
      bytes = endedBy(await startTls(bytes, { ...options, rejectUnauthorized: true }), signal);
      await confirmed(bytes, dialler);
    }
    const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    const fields: [string, string][] = [["host", authority]];
    if (credentials !== undefined) {
      fields.push(["proxy-authorization", proxyAuthorization(credentials)]);
    }
    const asked = { method: "CONNECT", target: authority, fields };
    const { head, rest } = await exchangeHead(bytes, asked);
    if (head.status !== 200) throw refusedByProxy(proxy, head.status);
    if (rest.length > 0) throw new Error("it sends what nobody asked for");
    return bytes;
  } catch (error) {
    bytes.abort(error);
    throw error;
  }
}

/** Takes so many bytes of a stream, however they arrive. */
class ExactReader {
  readonly #stream: ByteStream;
  #rest = new Uint8Array();

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  async take(length: number): Promise<Uint8Array> {
    while (this.#rest.length < length) {
      const bytes = await this.#stream.read();
      if (bytes === undefined) throw new Error("it closed the connection");
      const joined = new Uint8Array(this.#rest.length + bytes.length);
      joined.set(this.#rest);
      joined.set(bytes, this.#rest.length);
      this.#rest = joined;
    }
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.slice(length);
    return taken;
  }

  /** A server of TLS does not speak first. */
  checkEmpty(): void {
    if (this.#rest.length > 0) throw new Error("it sends what nobody asked for");
  }
}

/** Closes a connection whose handshake ended too late. */
async function confirmed(bytes: ByteStream, { options }: Dialler): Promise<ByteStream> {
  try {
    await options.confirm();
    return bytes;
  } catch (error) {
    bytes.abort(error);
    throw error;
  }
}

function endedBy(bytes: ByteStream, signal: AbortSignal): ByteStream {
  const onAbort = (): void => bytes.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return bytes;
}

function late({ host }: URL, limit: string): Error {
  return Object.assign(new Error(`Cannot connect to ${host}: ${limit}`), { code: "ETIMEDOUT" });
}
