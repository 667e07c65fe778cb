/**
 * Drives the test API server's process from a test, in any runtime, with nothing but `fetch` over
 * plain HTTP. Only {@linkcode startControl} starts a process.
 *
 * @module
 */

import type { ChainCase } from "./chains/table.ts";
import { connectFakeApi, type RemoteFakeApi } from "./remote-fake-api.ts";
import type {
  BlackholeAddress,
  BlackholeStats,
  ProxyAddress,
  ProxyOptions,
  ProxyStats,
  RecordedRequest,
  ServeOptions,
  ServerAddress,
  ServerStats,
  SwapOptions,
} from "./server/protocol.ts";

export type {
  BlackholeStats,
  Echo,
  ProxyOptions,
  RecordedRequest,
  ServeOptions,
  ServerStats,
  SwapOptions,
} from "./server/protocol.ts";

/** A TLS server that a test started. */
export interface TestServer {
  /** Controls its model of the API server, if it was started with `fakeApi`. */
  readonly fake: RemoteFakeApi;
  readonly origin: string;
  readonly port: number;
  /** Changes certificate, token or versions. Open connections stay, and sessions can still be resumed. */
  swap(options: SwapOptions): Promise<void>;
  /** Destroys its connections and frees the port. */
  stop(): Promise<void>;
  /** Starts again on the same port, with new session ticket keys, as a restarted process has. */
  restart(options?: Partial<ServeOptions>): Promise<void>;
  /** Destroys every open connection, and returns how many there were. */
  dropConnections(): Promise<number>;
  /**
   * Closes idle connections now and the others once their responses have been sent, as in a graceful
   * shutdown. Returns how many there were.
   */
  drainConnections(): Promise<number>;
  /**
   * Ends each open connection with its next response, which says so. Unlike {@linkcode TestServer.drainConnections},
   * this loses no request that is sent at the same moment. Returns how many there were.
   */
  endConnections(): Promise<number>;
  stats(): Promise<ServerStats>;
  resetStats(): Promise<void>;
  /** The last 200 requests, oldest first. */
  requests(): Promise<RecordedRequest[]>;
  /** Releases the responses that are held on the key now, and returns how many. */
  release(key: string): Promise<number>;
  /** Resolves once at least `count` (1) responses are held on the key. */
  held(key: string, count?: number): Promise<void>;
  /** Stops the server and discards its records. */
  close(): Promise<void>;
}

/** A port that accepts connections and never responds. */
export interface TestBlackhole {
  readonly port: number;
  /** `https`, with the port. */
  readonly origin: string;
  stats(): Promise<BlackholeStats>;
  close(): Promise<void>;
}

/** A forward proxy. */
export interface TestProxy {
  readonly port: number;
  /** With the scheme, and no credentials. */
  readonly url: string;
  stats(): Promise<ProxyStats>;
  close(): Promise<void>;
}

/** The process that servers run in. */
export interface Control {
  /** The origin of its control calls: what {@linkcode connectControl} needs. */
  readonly url: string;
  serve(options: ServeOptions): Promise<TestServer>;
  blackhole(): Promise<TestBlackhole>;
  proxy(options: ProxyOptions): Promise<TestProxy>;
  /** The table of certificate chains, which is the same at each call. */
  chains(): Promise<readonly ChainCase[]>;
  /** Creates a FIFO, which no runtime has a function for. */
  fifo(path: string): Promise<void>;
  /** Ends the process, even if another process started it. */
  close(): Promise<void>;
}

/**
 * Connects to a process that is already running.
 *
 * @param url its {@linkcode Control.url}
 * @returns the driver; connecting does no I/O
 */
export function connectControl(url: string): Control {
  async function serve(options: ServeOptions): Promise<TestServer> {
    const address = (await call(url, "POST /servers", options)) as ServerAddress;
    return connectServer(url, address);
  }

  async function blackhole(): Promise<TestBlackhole> {
    const opened = await call(url, "POST /blackholes", { mode: "silent" });
    const { id, port } = opened as BlackholeAddress;
    return {
      port,
      origin: `https://127.0.0.1:${port}`,
      stats: async () => (await call(url, `GET /blackholes/${id}/stats`)) as BlackholeStats,
      close: async () => void (await call(url, `DELETE /blackholes/${id}`)),
    };
  }

  async function proxy(options: ProxyOptions): Promise<TestProxy> {
    const { id, port } = (await call(url, "POST /proxies", options)) as ProxyAddress;
    return {
      port,
      url: `${options.scheme}://127.0.0.1:${port}`,
      stats: async () => (await call(url, `GET /proxies/${id}/stats`)) as ProxyStats,
      close: async () => void (await call(url, `DELETE /proxies/${id}`)),
    };
  }

  return {
    url,
    serve,
    blackhole,
    proxy,
    chains: async () => (await call(url, "GET /chains")) as ChainCase[],
    fifo: async (path) => void (await call(url, "POST /fifos", { path })),
    close: async () => void (await call(url, "POST /exit")),
  };
}

/**
 * Starts the process that servers run in, under the Node release that the repository pins. It ends with
 * {@linkcode Control.close}, or by itself when this process ends.
 *
 * @returns the driver
 */
export async function startControl(): Promise<Control> {
  // Imported here, so that a test which only connects needs no permission and no `node:` module.
  const { spawn } = await import("node:child_process");
  const { fileURLToPath } = await import("node:url");
  const node = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url));
  const main = fileURLToPath(new URL("./server/main.ts", import.meta.url));
  const child = spawn(node, [main], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let output = "";
    child.once("error", reject);
    child.once("exit", (code) => {
      reject(new Error(`Cannot start the test API server: it ended with code ${code}`));
    });
    child.stdout.on("data", (chunk: Uint8Array) => {
      output += new TextDecoder().decode(chunk);
      if (output.endsWith("\n")) resolve((JSON.parse(output) as { control: string }).control);
    });
  });
  const control = connectControl(url);
  return {
    ...control,
    close: async () => {
      await control.close();
      await exited;
    },
  };
}

function connectServer(url: string, address: ServerAddress): TestServer {
  const path = `/servers/${address.id}`;

  async function dropConnections(): Promise<number> {
    const answer = await call(url, `POST ${path}/drop-connections`);
    return (answer as { dropped: number }).dropped;
  }

  async function drainConnections(): Promise<number> {
    const answer = await call(url, `POST ${path}/drain-connections`);
    return (answer as { drained: number }).drained;
  }

  async function endConnections(): Promise<number> {
    const answer = await call(url, `POST ${path}/end-connections`);
    return (answer as { ending: number }).ending;
  }

  async function release(key: string): Promise<number> {
    const answer = await call(url, `POST ${path}/release`, { key });
    return (answer as { released: number }).released;
  }

  async function held(key: string, count = 1): Promise<void> {
    await call(url, `GET ${path}/held?key=${encodeURIComponent(key)}&count=${count}`);
  }

  return {
    fake: connectFakeApi((request) => call(url, `POST ${path}/fake-api`, request)),
    origin: address.origin,
    port: address.port,
    swap: async (options) => void (await call(url, `PATCH ${path}`, options)),
    stop: async () => void (await call(url, `POST ${path}/stop`)),
    restart: async (options = {}) => void (await call(url, `POST ${path}/restart`, options)),
    dropConnections,
    drainConnections,
    endConnections,
    stats: async () => (await call(url, `GET ${path}/stats`)) as ServerStats,
    resetStats: async () => void (await call(url, `POST ${path}/stats/reset`)),
    requests: async () => (await call(url, `GET ${path}/requests`)) as RecordedRequest[],
    release,
    held,
    close: async () => void (await call(url, `DELETE ${path}`)),
  };
}

async function call(url: string, methodAndPath: string, body?: unknown): Promise<unknown> {
  const [method = "GET", path = "/"] = methodAndPath.split(" ");
  const init: RequestInit = { method };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await fetch(`${url}${path}`, init);
  const answer: unknown = await response.json();
  if (!response.ok) {
    const reason = (answer as { error?: string }).error ?? "no reason given";
    throw new Error(`Cannot ${methodAndPath} at the test API server: ${reason}`);
  }
  return answer;
}
