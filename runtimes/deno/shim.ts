/**
 * The part of Deno that is used, so that neither the source nor what is published needs its types.
 *
 * @module
 */

import { ConfigError } from "../../src/errors.ts";

/** A permission that may be asked about, without prompting. */
export type PermissionDescriptor =
  | { name: "env"; variable: string }
  | { name: "read"; path: string }
  | { name: "net"; host: string }
  | { name: "run"; command: string };

/** A pool of connections. */
export interface HttpClient {
  close(): void;
}

/** How a pool connects. */
export interface HttpClientOptions {
  caCerts?: string[];
  cert?: string;
  key?: string;
  proxy?: { url: string };
}

/** A program that runs. */
export interface ChildProcess {
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Throws if it is not piped. */
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly status: Promise<{ readonly code: number; readonly signal: string | null }>;
  kill(signal: "SIGKILL"): void;
  unref(): void;
}

/** What a file is. */
export interface FileInfo {
  readonly isFile: boolean;
  readonly size: number;
}

/** A file that has been opened. */
export interface FsFile {
  stat(): Promise<FileInfo>;
  read(into: Uint8Array): Promise<number | null>;
  close(): void;
}

/** A TCP connection. */
export interface TcpConn {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  ref(): void;
  unref(): void;
  setNoDelay(noDelay: boolean): void;
  setKeepAlive(keepAlive: boolean): void;
}

/** Accepts TCP connections. */
export interface TcpListener {
  accept(): Promise<TcpConn>;
  readonly addr: { readonly port: number };
  close(): void;
}

interface DenoNamespace {
  readonly version: { readonly deno: string };
  readonly env: { get(name: string): string | undefined };
  readonly permissions: { querySync(descriptor: PermissionDescriptor): { readonly state: string } };
  readonly errors: {
    readonly NotFound: new () => Error;
    readonly NotCapable: new () => Error;
    readonly PermissionDenied: new () => Error;
  };
  readonly stdin: { isTerminal(): boolean };
  readonly stderr: { write(bytes: Uint8Array): Promise<number> };
  readonly build: { readonly os: string };
  readonly Command: new (
    command: string,
    options: {
      args: string[];
      env: Record<string, string>;
      stdin: "inherit" | "null";
      stdout: "piped";
      stderr: "inherit" | "piped";
      windowsRawArguments: boolean;
    },
  ) => { spawn(): ChildProcess };
  cwd(): string;
  connect(options: { hostname: string; port: number; signal: AbortSignal }): Promise<TcpConn>;
  listen(options: { hostname: string; port: number }): TcpListener;
  createHttpClient(options: HttpClientOptions): HttpClient;
  open(path: string, options: { read: true }): Promise<FsFile>;
  refTimer(timer: ReturnType<typeof setTimeout>): void;
  stat(path: string): Promise<FileInfo>;
  statSync(path: string): FileInfo;
  unrefTimer(timer: ReturnType<typeof setTimeout>): void;
}

/** The part of `node:crypto` that is used before anything is known to need the rest. */
interface NodeCrypto {
  readonly X509Certificate: new (pem: string) => object;
}

/** `node:crypto`, which takes 15 ms to load: it is loaded when it is used, and without a promise. */
export function nodeCrypto(): NodeCrypto {
  const { process } = globalThis as unknown as {
    process: { getBuiltinModule(name: "node:crypto"): NodeCrypto };
  };
  return process.getBuiltinModule("node:crypto");
}

/** Deno's namespace. */
export function deno(): DenoNamespace {
  const { Deno } = globalThis as typeof globalThis & { readonly Deno?: DenoNamespace };
  if (Deno !== undefined) return Deno;
  throw new ConfigError("Cannot use reanchor/deno: this is not Deno; import reanchor");
}
