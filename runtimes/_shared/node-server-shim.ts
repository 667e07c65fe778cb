/**
 * What is used of Node's modules by the servers of a fake cluster. Its types stand here, since the types of Node are
 * missing where a program for an edge runtime is checked.
 *
 * @module
 */

/** `node:process`. */
export interface ProcessShim {
  cwd(): string;
  getBuiltinModule?: {
    (name: "node:http"): PlainModule;
    (name: "node:https"): TlsModule;
    (name: "node:fs/promises"): FilesModule;
    (name: "node:path"): PathModule;
  };
}

/** What answers. */
export type RequestListener = (request: IncomingRequest, response: OutgoingResponse) => void;

/** `node:http`. */
export interface PlainModule {
  createServer(listener: RequestListener): HttpServer;
}

/** `node:https`. */
export interface TlsModule {
  createServer(options: { cert: string; key: string }, listener: RequestListener): HttpServer;
}

/** `node:fs/promises`. */
export interface FilesModule {
  mkdir(path: string, options: { recursive: true }): Promise<unknown>;
  rename(from: string, to: string): Promise<void>;
  writeFile(path: string, content: string, options: { mode: number }): Promise<void>;
}

/** `node:path`. */
export interface PathModule {
  join(...parts: string[]): string;
}

/** A server. */
export interface HttpServer {
  on(event: "connection" | "secureConnection", listener: (socket: HttpSocket) => void): unknown;
  once(event: "error", listener: (error: Error) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
  listen(port: number, hostname: string, listener: () => void): unknown;
  address(): { readonly port: number } | string | null;
  close(listener: () => void): unknown;
  closeAllConnections(): void;
}

/** A connection. */
export interface HttpSocket {
  on(event: "close", listener: () => void): unknown;
  destroy(): unknown;
}

/** A request. */
export interface IncomingRequest extends AsyncIterable<Uint8Array> {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly socket: HttpSocket;
}

/** A response. */
export interface OutgoingResponse extends ResponseWriter {
  on(event: "close", listener: () => void): unknown;
  destroy(): unknown;
}

/** What an answer is written to. */
export interface ResponseWriter {
  writeHead(status: number, headers: Record<string, string>): unknown;
  flushHeaders(): void;
  write(chunk: Uint8Array, written: () => void): unknown;
  end(text?: string): unknown;
}
