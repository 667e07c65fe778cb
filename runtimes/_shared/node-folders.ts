/**
 * Folders by `node:fs`, which all runtimes with files have.
 *
 * @module
 */

import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import type { LocalEntry, LocalSystem } from "../../src/runtime.ts";
import { codeOf } from "./code-of.ts";

/** What is read at once. */
const PIECE_BYTES = 64 * 1024;
// Windows has not all of them; there they count as 0.
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** See {@link LocalSystem}. */
export const nodeFolders: Omit<LocalSystem, "listen"> = {
  hasWindowsPaths: sep === "\\",
  readTree: (path) => readTree(path, []),
  createFolder,
  async createFile(root, parts, { body, mode, overwrite }) {
    const path = join(root, ...parts);
    if (parts.length === 0) await mkdir(dirname(path), { recursive: true });
    else await createFolder(root, parts.slice(0, -1));
    // No link is written through: it is removed, or the file can't be created.
    if (overwrite) await rm(path, { force: true });
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    try {
      for await (const piece of body) await writeAll(file, piece);
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
    await file.close();
  },
};

async function* readTree(
  root: string,
  parts: readonly string[],
): AsyncGenerator<LocalEntry, void, undefined> {
  const path = join(root, ...parts);
  const info = await (parts.length === 0 ? stat(path) : lstat(path));
  const type = info.isFile() ? "file" : info.isDirectory() ? "directory" : "other";
  const mode = info.mode & 0o7777;
  yield {
    parts,
    type,
    size: type === "file" ? info.size : 0,
    mode,
    modifiedAt: info.mtimeMs,
    open: () => readContent(path, parts.length > 0),
  };
  if (type !== "directory") return;
  for (const name of (await readdir(path)).sort()) yield* readTree(root, [...parts, name]);
}

function readContent(path: string, isBelow: boolean): ReadableStream<Uint8Array<ArrayBuffer>> {
  let file: FileHandle | undefined;
  const close = async (): Promise<void> => {
    await file?.close();
    file = undefined;
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          file ??= await open(path, O_RDONLY | O_NONBLOCK | (isBelow ? O_NOFOLLOW : 0));
          const piece = new Uint8Array(PIECE_BYTES);
          const { bytesRead } = await file.read(piece, 0, piece.length, null);
          if (bytesRead > 0) return controller.enqueue(piece.subarray(0, bytesRead));
          await close();
          controller.close();
        } catch (error) {
          await close().catch(() => {});
          throw error;
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}

async function createFolder(root: string, parts: readonly string[]): Promise<void> {
  await mkdir(root, { recursive: true });
  for (let length = 1; length <= parts.length; length++) {
    const path = join(root, ...parts.slice(0, length));
    try {
      await mkdir(path);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
      const info = await lstat(path);
      if (info.isDirectory()) continue;
      throw new Error(`Cannot write into ${path}: it is no folder, but a file or a link`, {
        cause: error,
      });
    }
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
  }
}
