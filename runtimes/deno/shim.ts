/**
 * The part of Deno that is used, so that neither the source nor what is published needs its types.
 *
 * @module
 */

/** A permission that may be asked about, without prompting. */
export type PermissionDescriptor =
  | { name: "env"; variable: string }
  | { name: "read"; path: string }
  | { name: "net"; host: string };

/** A pool of connections. */
export interface HttpClient {
  close(): void;
}

interface DenoNamespace {
  readonly version: { readonly deno: string };
  readonly env: { get(name: string): string | undefined };
  readonly permissions: { querySync(descriptor: PermissionDescriptor): { readonly state: string } };
  readonly errors: { readonly NotFound: new () => Error };
  createHttpClient(options: { caCerts?: string[] }): HttpClient;
  readFile(path: string, options: { signal: AbortSignal }): Promise<Uint8Array>;
  stat(path: string): Promise<{ readonly isFile: boolean; readonly size: number }>;
}

/** Deno's namespace. */
export function deno(): DenoNamespace {
  return (globalThis as unknown as { Deno: DenoNamespace }).Deno;
}
