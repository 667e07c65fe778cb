/**
 * Replaces the standard library's `exists` if its registry can't be reached. It has the same signature and,
 * as far as it is used here, the same results.
 *
 * @module
 */

/** Options for {@linkcode exists}. */
export interface ExistsOptions {
  /** When `true`, the path must be readable too. */
  isReadable?: boolean;
  /** When `true`, the path must be a directory. */
  isDirectory?: boolean;
  /** When `true`, the path must be a file. */
  isFile?: boolean;
}

interface FileInfo {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
}

interface DenoNamespace {
  readonly errors: { readonly NotFound: new () => Error };
  stat(path: string | URL): Promise<FileInfo>;
}

declare const Deno: DenoNamespace;

/**
 * Whether a path exists.
 *
 * @param path The path of a file or a directory.
 * @param options Further conditions.
 * @returns `true` if the path exists and meets the conditions.
 */
export async function exists(path: string | URL, options?: ExistsOptions): Promise<boolean> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    return (options?.isFile !== true || isFile) && (options?.isDirectory !== true || isDirectory);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
