/**
 * gRPC's channel credentials, by which each connection of a channel has the trust of its moment.
 *
 * grpc-js opens the connection that TLS is to be spoken over, and would give up the address for a second if the
 * server is rejected. Here a second connection to it is opened in its place, by the trust that a reload brings.
 *
 * @module
 */

import { once } from "node:events";
import { type Socket, connect } from "node:net";
import type { Duplex } from "node:stream";
import { CallCredentials, ChannelCredentials } from "@grpc/grpc-js";
import type { SecureContextSource } from "../agents/secure-context-source.ts";

/** What grpc-js asks of credentials beside what its types name. */
type SecureConnector = ReturnType<ChannelCredentials["_createSecureConnector"]>;
type Target = Parameters<ChannelCredentials["_createSecureConnector"]>[0];
type Options = Parameters<ChannelCredentials["_createSecureConnector"]>[1];

export class RotatingCredentials extends ChannelCredentials {
  readonly #source: SecureContextSource;

  constructor(source: SecureContextSource) {
    super();
    this.#source = source;
  }

  override _isSecure(): boolean {
    return true;
  }

  /** Channels of equal credentials share connections. */
  override _equals(other: ChannelCredentials): boolean {
    return other instanceof RotatingCredentials && other.#source === this.#source;
  }

  override _createSecureConnector(
    target: Target,
    options: Options,
    callCredentials: CallCredentials = CallCredentials.createEmpty(),
  ): SecureConnector {
    const source = this.#source;
    const ended = new AbortController();
    return {
      connect: async (socket) => {
        let isFirst = true;
        const openStream = async (signal: AbortSignal): Promise<Duplex> => {
          if (!isFirst) return await reopen(again, signal);
          isFirst = false;
          return socket;
        };
        // Asked now: a socket that is closed has no address.
        const again = addressOf(socket, target, options);
        const { signal } = ended;
        const ALPNProtocols = ["h2"];
        const server = serverOf(target, options);
        return {
          socket: await source.connect({ ...server, ALPNProtocols, openStream, signal }),
          secure: true,
        };
      },
      waitForReady: async () => {},
      getCallCredentials: () => callCredentials,
      destroy: () => ended.abort(new Error("the channel was closed")),
    };
  }
}

/** Where a connection leads to, so that another one can be opened. */
interface Address {
  readonly path?: string;
  readonly host: string;
  readonly port: number;
  /** The server, if `host` and `port` are those of a proxy that was asked by CONNECT. */
  readonly through?: { readonly host: string; readonly port: number; readonly credentials: string };
}

function addressOf(socket: Socket, { scheme, path }: Target, options: Options): Address {
  const { remoteAddress: host = "", remotePort: port = 0 } = socket;
  if (scheme === "unix") return { path, host, port };
  const proxied = options["grpc.http_connect_target"];
  if (typeof proxied !== "string") return { host, port };
  const credentials = options["grpc.http_connect_creds"];
  const server = splitHostPort(withoutScheme(proxied));
  return {
    host,
    port,
    through: {
      host: server.host,
      port: server.port ?? 443,
      credentials: typeof credentials === "string" ? credentials : "",
    },
  };
}

/** Opens another connection to where one has led. */
async function reopen(
  { path, host, port, through }: Address,
  signal: AbortSignal,
): Promise<Duplex> {
  if (through !== undefined) {
    const proxy = new URL(`http://${host.includes(":") ? `[${host}]` : host}:${port}`);
    const [user = "", ...password] = through.credentials.split(":");
    proxy.username = encodeURIComponent(user);
    proxy.password = encodeURIComponent(password.join(":"));
    // Loaded where there is a proxy.
    const { openTunnel } = await import("../tunnel.ts");
    // The caller of this function has a time limit.
    const terms = { signal, timeoutMs: 600_000, ca: undefined, confirm: async () => {} };
    return await openTunnel({ proxy, host: through.host, port: through.port, ...terms });
  }
  const socket = connect(path === undefined ? { host, port } : { path });
  const onAbort = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort);
  try {
    await once(socket, "connect");
    return socket.setNoDelay();
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The server whose name the certificate must carry, as grpc-js finds it. */
function serverOf(target: Target, options: Options): { host: string; port?: number } {
  const override = options["grpc.ssl_target_name_override"];
  if (typeof override === "string" && override !== "") return { host: override };
  const proxied = options["grpc.http_connect_target"];
  if (typeof proxied === "string") return splitHostPort(withoutScheme(proxied));
  if (target.scheme === "unix") return { host: "localhost" };
  return splitHostPort(target.path.split(",", 1)[0] ?? "");
}

/** `dns:host:port` and `dns:///host:port` are one target. */
function withoutScheme(target: string): string {
  return target.replace(/^[a-z][a-z0-9+.-]*:(?!\d+$)(?:\/\/[^/]*\/)?/i, "");
}

function splitHostPort(text: string): { host: string; port?: number } {
  const bare = text.startsWith("/") ? text.slice(1) : text;
  const [, bracketed, host = bare, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(bare) ?? [];
  return { host: bracketed ?? host, ...(port !== undefined && { port: Number(port) }) };
}
