/**
 * Connections to the ports of pods, and of the pods behind Services and workloads.
 *
 * @module
 */

import type { ResourceClient } from "../api/api-call.ts";
import type { KubeObject } from "../api/object.ts";
import { segment } from "../api/paths.ts";
import type { ObjectTarget } from "../api/object-target.ts";
import { selectorQuery } from "../api/selectors.ts";
import { ConfigError, ConnectionError } from "../errors.ts";
import { ANOTHER_PORT, type LocalAddress, checkLocalPort, unableToListen } from "../local-port.ts";
import { checkKnown, kindOf } from "../options.ts";
import type { ByteStream } from "../runtime.ts";
import { type Destination, ForwardSessions } from "./forward-sessions.ts";
import type { ForwardedConnection, HalfClose } from "./forwarded-connection.ts";

/** How connections are forwarded. */
export interface PortForwardOptions {
  /**
   * What happens when the local side of a connection ends: `hold` passes that on once the pod has ended its side
   * too, or after 30 s, since containerd ends both directions at once; `forward` passes it on immediately.
   *
   * @default "hold"
   */
  halfClose?: HalfClose | undefined;
  /**
   * What the connections travel by: `own` opens a connection to the API server for each, so that none waits for
   * another; `shared` carries those to a pod over one, as kubectl does. Shared ones open faster, but while the
   * reader of one is slow, all wait. If that takes 30 s, the slow one fails.
   *
   * @default "own"
   */
  connections?: "own" | "shared" | undefined;
  /** Ends all connections and listeners at once. */
  signal?: AbortSignal | undefined;
  /** How long opening a connection may take, in milliseconds; the client's `timeoutMs` by default. */
  timeoutMs?: number | undefined;
}

/** Where connections are accepted. */
export interface ListenOptions {
  /**
   * The local port; 0 for a free one.
   *
   * @default 0
   */
  port?: number | undefined;
  /**
   * The local address. With another one than that of this machine itself, others on the network reach the pod.
   *
   * @default "127.0.0.1"
   */
  host?: string | undefined;
  /** Called with the reason why a connection is not accepted or not forwarded. The listener continues. */
  onError?: ((error: unknown) => void) | undefined;
}

/** A local port whose connections are forwarded. */
export interface PortListener extends AsyncDisposable {
  /** The local port. */
  readonly port: number;
  /** The local address. */
  readonly host: string;
  /** Accepts no more connections, and ends those that there are. */
  close(): Promise<void>;
}

/** A way to a port of a pod. Nothing is connected before it is used. */
export interface PortTunnel {
  /**
   * Opens a connection. Behind a Service or a workload, a ready pod is looked for anew.
   *
   * @throws {ApiError} if the server rejects it.
   * @throws {ConnectionError} if there is no ready pod.
   */
  connect(): Promise<ForwardedConnection>;
  /**
   * Accepts local connections and forwards each (Node, Deno and Bun).
   *
   * @throws {ConfigError} if this runtime can't listen, or if the address can't be had.
   */
  listen(options?: ListenOptions): Promise<PortListener>;
}

/** The port that is forwarded to. */
export interface ForwardedPort {
  /** The pod, or what selects the pods. */
  readonly object: ObjectTarget<KubeObject>;
  /** Its number, or its name. */
  readonly port: number | string;
  /** Whether the object is a Service or a workload, and one of its pods is meant. */
  readonly isSelected: boolean;
}

/** Where a connection goes, and what is said of it. */
interface Route {
  readonly client: ResourceClient;
  /** Of the pod, or of what selects the pods. */
  readonly path: string;
  readonly port: number | string;
  /** The port in words. */
  readonly what: string;
  readonly signal: AbortSignal;
}

/** What is read of a pod. */
interface PodLike {
  readonly metadata?: { readonly name?: string; readonly deletionTimestamp?: string };
  readonly spec?: {
    readonly containers?: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** What is read of a Service or a workload. */
interface Selecting {
  readonly spec?: {
    readonly selector?: Readonly<Record<string, unknown>> | null;
    readonly ports?: readonly {
      readonly name?: string;
      readonly port: number;
      readonly targetPort?: number | string;
    }[];
  };
}

/** Forwards connections to a port. */
export async function portForward(
  { object, port, isSelected }: ForwardedPort,
  options: PortForwardOptions,
): Promise<PortTunnel> {
  checkKnown("portForward", options, ["halfClose", "connections", "signal", "timeoutMs"]);
  checkPort(port);
  const { client, path } = object;
  const { halfClose = "hold", connections = "own", signal: given, timeoutMs } = options;
  if (halfClose !== "hold" && halfClose !== "forward") {
    throw new TypeError('Cannot use option halfClose: it is "hold" or "forward"');
  }
  if (connections !== "own" && connections !== "shared") {
    throw new TypeError('Cannot use option connections: it is "own" or "shared"');
  }
  const signal = given === undefined ? client.closing : AbortSignal.any([client.closing, given]);
  const what = `port ${port} of ${object.describe()}`;
  const route: Route = { client, path, port, what, signal };

  const settings = { halfClose, clock: client.clock, what, signal };
  const sessions = new ForwardSessions({ client, settings, timeoutMs });

  async function connect(): Promise<ForwardedConnection> {
    signal.throwIfAborted();
    const destination = isSelected ? await findPod(route) : await findPort(route);
    if (connections === "own") return await sessions.connectAlone(destination);
    return await sessions.connectShared(destination);
  }

  return {
    connect,
    async listen(listening = {}) {
      const { onError, ...address } = checkListenOptions(listening);
      const local = await client.local?.();
      if (local === undefined) {
        throw new ConfigError("Cannot listen: this runtime accepts no connections; use connect()");
      }
      signal.throwIfAborted();
      const streams = new Set<ByteStream>();
      const stop = new AbortController();
      const report = (error: unknown): void => {
        if (!stop.signal.aborted) onError?.(error);
      };
      const onConnection = (stream: ByteStream): void => {
        streams.add(stream);
        void stream.closed.then(() => streams.delete(stream));
        serve(stream, connect).catch((error: unknown) => {
          stream.abort(error);
          report(error);
        });
      };
      const server = await local
        .listen(address, { onConnection, onError: report })
        .catch((cause: unknown) => {
          const advice = address.port === 0 ? "change the option host" : ANOTHER_PORT;
          throw unableToListen(address, cause, advice);
        });
      const release = sessions.hold();
      let closing: Promise<void> | undefined;
      const close = (): Promise<void> => (closing ??= end());
      const end = async (): Promise<void> => {
        signal.removeEventListener("abort", onAbort);
        stop.abort();
        await server.close();
        const reason = new ConnectionError(`Cannot forward ${what}: the listener was closed`);
        for (const stream of streams) stream.abort(reason);
        release();
      };
      const onAbort = (): void => void close().catch(() => {});
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) {
        await close(); // It was ended before it listened.
        throw signal.reason;
      }
      return { port: server.port, host: address.host, close, [Symbol.asyncDispose]: close };
    },
  };
}

function checkListenOptions(options: ListenOptions): LocalAddress & Pick<ListenOptions, "onError"> {
  checkKnown("listen", options, ["port", "host", "onError"]);
  const { port = 0, host = "127.0.0.1", onError } = options;
  checkLocalPort(port);
  if (typeof host !== "string" || host === "") {
    const given = host === "" ? "an empty string" : kindOf(host);
    throw new TypeError(`Cannot use option host of listen: it must be an address, not ${given}`);
  }
  if (onError !== undefined && typeof onError !== "function") {
    throw new TypeError(
      `Cannot use option onError of listen: it must be a function, not ${kindOf(onError)}`,
    );
  }
  return { port, host, onError };
}

/** Forwards what a local connection sends and receives. */
async function serve(
  stream: ByteStream,
  connect: () => Promise<ForwardedConnection>,
): Promise<void> {
  const remote = await connect();
  void stream.closed.then(async () => await remote.close());
  await Promise.all([upload(stream, remote), download(stream, remote)]);
}

async function upload(stream: ByteStream, remote: ForwardedConnection): Promise<void> {
  const writer = remote.writable.getWriter();
  writer.closed.catch(() => {}); // The other direction tells.
  for (;;) {
    const bytes = await stream.read();
    try {
      if (bytes !== undefined) await writer.write(bytes);
      else return await writer.close();
    } catch {
      return;
    }
  }
}

async function download(stream: ByteStream, remote: ForwardedConnection): Promise<void> {
  const reader = remote.readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return stream.end();
    await stream.write(value);
  }
}

/** A port of a pod. */
async function findPort(route: Route): Promise<Destination> {
  const { path, port } = route;
  if (typeof port === "number") return { path, port };
  return { path, port: portOfPod(await get(route), route) };
}

/** A ready pod behind a Service or a workload. */
async function findPod(route: Route): Promise<Destination> {
  const { client, path, port, what, signal } = route;
  const { spec } = await get<Selecting>(route);
  const selector = spec?.selector;
  if (selector === undefined || selector === null || Object.keys(selector).length === 0) {
    throw new ConnectionError(`Cannot forward ${what}: it selects no pods`);
  }
  const isService = spec?.ports !== undefined;
  // A Service has labels themselves, and so has a ReplicationController.
  const isExpression = Object.values(selector).some((value) => typeof value === "object");
  const labelSelector = (isExpression ? selector : { matchLabels: selector }) as object;
  const pods = path.replace(/^\/apis?\/.*?(\/namespaces\/[^/]+)\/.*$/, "/api/v1$1/pods");
  const { items = [] } = await client.call<{ items?: PodLike[] }>({
    method: "GET",
    path: pods,
    query: selectorQuery({ labelSelector }),
    signal,
  });
  const ready = items.filter(isReady);
  const pod = ready[Math.floor(client.clock.random() * ready.length)];
  if (pod === undefined) {
    throw new ConnectionError(
      `Cannot forward ${what}: none of its ${items.length} pods is ready; look at their status`,
    );
  }
  const wanted = isService ? targetPort(spec, route) : port;
  return {
    path: `${pods}/${segment("name", pod.metadata?.name)}`,
    port: typeof wanted === "number" ? wanted : portOfPod(pod, { port: wanted, what }),
  };
}

type PortName = Pick<Route, "port" | "what">;

function targetPort(spec: Selecting["spec"], { port, what }: PortName): number | string {
  const found = spec?.ports?.find((each) => each.port === port || each.name === port);
  if (found !== undefined) return found.targetPort || found.port;
  const known = spec?.ports?.map((each) => each.name ?? each.port).join(", ");
  throw new ConnectionError(`Cannot forward ${what}: the Service has the ports ${known}`);
}

function portOfPod({ spec }: PodLike, { port, what }: PortName): number {
  const ports = spec?.containers?.flatMap((container) => container.ports ?? []) ?? [];
  const found = ports.find(({ name }) => name === port);
  if (found !== undefined) return found.containerPort;
  throw new ConnectionError(`Cannot forward ${what}: no container of the pod names a port so`);
}

function isReady({ metadata, status }: PodLike): boolean {
  if (metadata?.deletionTimestamp !== undefined || status?.phase !== "Running") return false;
  return (
    status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true
  );
}

async function get<T = PodLike>({ client, path, signal }: Route): Promise<T> {
  return await client.call<T>({ method: "GET", path, signal });
}

function checkPort(port: number | string): void {
  if (typeof port === "string" && port !== "") return;
  if (Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65_535) return;
  throw new RangeError("Cannot forward a port: give its name, or its number from 1 to 65535");
}
