/**
 * The package as a user has it: packed, and installed into an empty project.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { root } from "./project.ts";

/** An empty project, but for the package. */
export interface InstalledPackage {
  readonly folder: string;
  /** The installed package's own files, by their paths in it. */
  files(): Promise<Map<string, string>>;
  /** Writes a file of the project. */
  write(path: string, content: string): Promise<string>;
  /** Runs a program in the project, and gives what it printed. */
  run(command: string, args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

/** Packs what is built, and installs it without the network. */
export async function installPackage(): Promise<InstalledPackage> {
  const temporary = await realpath(await mkdtemp(join(tmpdir(), "reanchor-package-")));
  const folder = join(temporary, "project");
  await mkdir(folder);
  const tarballs = [await pack(root, temporary)];
  for (const name of await dependencies()) {
    tarballs.push(await pack(`${root}node_modules/${name}`, temporary));
  }
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ name: "project", private: true, type: "module" }),
  );
  const flags = ["--offline", "--no-audit", "--no-fund", "--loglevel=error"];
  await execute("npm", ["install", ...flags, ...tarballs], folder);

  return {
    folder,
    async files() {
      const installed = join(folder, "node_modules/reanchor");
      const entries = await readdir(installed, { recursive: true, withFileTypes: true });
      const paths = entries
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name));
      return new Map(
        await Promise.all(
          paths.map(
            async (path) => [relative(installed, path), await readFile(path, "utf8")] as const,
          ),
        ),
      );
    },
    async write(path, content) {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      return file;
    },
    run: (command, args) => execute(command, args, folder),
    remove: () => rm(temporary, { recursive: true }),
  };
}

/** What the package needs at run time, with what that needs. */
async function dependencies(): Promise<Set<string>> {
  const found = new Set<string>();
  async function add(folder: string): Promise<void> {
    const manifest = JSON.parse(await readFile(`${folder}package.json`, "utf8"));
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      if (found.has(name)) continue;
      found.add(name);
      await add(`${root}node_modules/${name}/`);
    }
  }
  await add(root);
  return found;
}

async function pack(folder: string, destination: string): Promise<string> {
  // Without scripts: it is built already.
  const flags = [
    "--ignore-scripts",
    "--json",
    "--loglevel=error",
    "--pack-destination",
    destination,
  ];
  const [packed] = JSON.parse(await execute("npm", ["pack", ...flags], folder));
  return join(destination, packed.filename);
}

async function execute(command: string, args: readonly string[], cwd: string): Promise<string> {
  const env = { ...process.env, NO_COLOR: "1" };
  const running = promisify(execFile)(command, args, { cwd, env, maxBuffer: 16 * 1024 * 1024 });
  const { stdout } = await running.catch((error: unknown) => {
    const { stdout: out = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(" ")} failed:\n${out}\n${stderr}`, { cause: error });
  });
  return stdout;
}
