/**
 * Stands in for the standard library's `exists` where its registry can't be reached: the same signature
 * and, for what is asked of it here, the same answers.
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
 * Whether a path is there.
 *
 * @param path The path of a file or a directory.
 * @param options What else it must be.
 * @returns `true` if the path is there, and is what it must be.
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
