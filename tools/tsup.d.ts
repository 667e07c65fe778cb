/**
 * What is used of tsup: its own declarations import files that are not in its package.
 *
 * @module
 */

/** What is used of esbuild's plugins. */
export interface Plugin {
  name: string;
  setup(build: {
    onResolve(
      options: { filter: RegExp },
      callback: (file: {
        path: string;
        resolveDir: string;
      }) => { path: string; external?: boolean } | undefined,
    ): void;
  }): void;
}

/** How to bundle. */
export interface Options {
  config?: boolean;
  entry?: Record<string, string>;
  outDir?: string;
  format?: "esm";
  target?: string;
  platform?: "node" | "browser" | "neutral";
  splitting?: boolean;
  treeshake?: boolean;
  silent?: boolean;
  external?: (string | RegExp)[];
  noExternal?: (string | RegExp)[];
  removeNodeProtocol?: boolean;
  esbuildPlugins?: Plugin[];
  outExtension?: () => { js: string };
}

/** Bundles. */
export function build(options: Options): Promise<void>;
