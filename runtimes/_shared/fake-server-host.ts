/**
 * The HTTPS servers and the files of a fake cluster, by Node's modules, which Node, Deno and Bun have.
 *
 * The modules are not imported: a bundle for an edge runtime, where there are none, contains this file too.
 *
 * @module
 */

import { ConfigError } from "../../src/errors.ts";
import { ANOTHER_PORT, unableToListen } from "../../src/local-port.ts";
import type { HttpsListener, HttpsOptions, ServerHost } from "../../src/testing/fake-servers.ts";
import type { ServerPair } from "../../src/testing/authority.ts";
import { type TlsListening, listenTls } from "./deno-tls-front.ts";
import type {
  FilesModule,
  HttpServer,
  HttpSocket,
  IncomingRequest,
  OutgoingResponse,
  PathModule,
  PlainModule,
  ProcessShim,
  TlsModule,
} from "./node-server-shim.ts";
import { writeAnswer } from "./write-answer.ts";

/** Node's modules that are needed. */
interface Modules {
  readonly http: PlainModule;
  readonly https: TlsModule;
  readonly files: FilesModule;
  readonly path: PathModule;
  readonly process: ProcessShim;
  /** If this is Deno. */
  readonly deno: TlsListening | undefined;
}

/**
 * Finds what a fake cluster needs to listen.
 *
 * @throws {ConfigError} if this runtime has no servers.
 */
export function findServerHost(): ServerHost {
  const modules = findModules();
  return {
    listen: async (options) => await listen(modules, options),
    writeFiles: async (folder, files) => await writeFiles(modules, folder, files),
    workingFolder: () => modules.process.cwd(),
  };
}

function findModules(): Modules {
  const { process, Deno: deno } = globalThis as { process?: ProcessShim; Deno?: TlsListening };
  const isWorker = globalThis.navigator?.userAgent === "Cloudflare-Workers";
  if (!isWorker && process?.getBuiltinModule !== undefined) {
    const http = process.getBuiltinModule("node:http");
    const https = process.getBuiltinModule("node:https");
    const files = process.getBuiltinModule("node:fs/promises");
    const path = process.getBuiltinModule("node:path");
    return { http, https, files, path, process, deno };
  }
  throw new ConfigError(
    "Cannot listen with a fake cluster: this runtime has no HTTPS servers; use connect() or fetch of the fake cluster, which need none, or run the test on Node, Deno or Bun",
  );
}

/** Something that listens, with one certificate. */
interface Listening {
  readonly port: number;
  /** Closes it and its connections. */
  close(): Promise<void>;
}

async function listen(modules: Modules, options: HttpsOptions): Promise<HttpsListener> {
  const { handle } = options;
  const answering = new Set<Promise<void>>();

  function onRequest(request: IncomingRequest, response: OutgoingResponse): void {
    const answered = respond(request, response).finally(() => answering.delete(answered));
    answering.add(answered);
  }

  async function respond(request: IncomingRequest, response: OutgoingResponse): Promise<void> {
    const left = new AbortController();
    response.on("close", () => left.abort());
    const { signal } = left;
    try {
      const { method = "GET", url = "/" } = request;
      const headers = headersOf(request);
      const body = await textOf(request);
      const answer = await handle({ method, url, headers, body, signal });
      await writeAnswer(response, answer, signal);
    } catch {
      // A lost connection, a client that has gone, or a cluster that is closed: none of them has an answer.
      request.socket.destroy();
      response.destroy();
    }
  }

  async function start(pair: ServerPair, port: number): Promise<Listening> {
    try {
      const { deno } = modules;
      if (deno === undefined) {
        const server = modules.https.createServer({ cert: pair.cert, key: pair.key }, onRequest);
        return await openServer(server, port);
      }
      const plain = await openServer(modules.http.createServer(onRequest), 0);
      try {
        const front = listenTls(deno, pair, { port, plain: plain.port });
        return {
          port: front.port,
          close: async () => void (await Promise.all([front.close(), plain.close()])),
        };
      } catch (error) {
        await plain.close();
        throw error;
      }
    } catch (cause) {
      const advice = port === 0 ? "the system has no free port" : ANOTHER_PORT;
      throw unableToListen({ host: "127.0.0.1", port }, cause, advice);
    }
  }

  let server: Listening | undefined = await start(options.pair, options.port);
  const { port } = server;
  let renewing: Promise<void> = Promise.resolve();
  let closing: Promise<void> | undefined;

  async function stop(): Promise<void> {
    await server?.close();
    server = undefined;
    await Promise.all(answering);
  }

  /** As an API server restarts: Bun's servers can't change their certificate. */
  async function restart(pair: ServerPair): Promise<void> {
    if (closing !== undefined) return;
    await stop();
    if (closing === undefined) server = await start(pair, port);
  }

  async function close(): Promise<void> {
    await renewing.catch(() => {});
    await stop();
  }

  return {
    port,
    async renew(pair) {
      renewing = restart(pair);
      await renewing;
    },
    close: () => (closing ??= close()),
  };
}

async function openServer(server: HttpServer, port: number): Promise<Listening> {
  const sockets = new Set<HttpSocket>();
  for (const event of ["connection", "secureConnection"] as const) {
    server.on(event, (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    async close() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      server.closeAllConnections();
      // Deno's leaves idle ones open.
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function headersOf({ rawHeaders }: IncomingRequest): Headers {
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
  }
  return headers;
}

async function textOf(request: IncomingRequest): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of request) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

/** Each is written beside its place first, and renamed: a reader sees the old content or the new one. */
async function writeFiles(
  { files: fs, path }: Modules,
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const place = path.join(folder, name);
    await fs.writeFile(`${place}.new`, content, { mode: 0o600 });
    await fs.rename(`${place}.new`, place);
  }
}
