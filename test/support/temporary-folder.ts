/**
 * Folders that tests write into. Each is removed at the end.
 *
 * @module
 */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, onTestFinished } from "vitest";

const project = fileURLToPath(new URL("../../.tmp", import.meta.url));

/** Creates a folder, which is removed when the test ends. */
export async function createFolder(): Promise<string> {
  return await removedLater(tmpdir());
}

/** Creates a folder inside the project, where its packages and compiler options apply. It is removed when the test ends. */
export async function createProjectFolder(): Promise<string> {
  await mkdir(project, { recursive: true });
  return await removedLater(project);
}

/** Creates a folder for all tests of a file, inside the project if asked for. Call the returned function in them. */
export function useFolder({ inProject = false }: { inProject?: boolean } = {}): () => string {
  let folder: string | undefined;
  beforeAll(async () => {
    if (inProject) await mkdir(project, { recursive: true });
    folder = await createIn(inProject ? project : tmpdir());
  });
  afterAll(async () => {
    if (folder !== undefined) await remove(folder);
  });
  return () => {
    if (folder === undefined) throw new Error("Cannot use the folder outside of tests");
    return folder;
  };
}

async function removedLater(parent: string): Promise<string> {
  const folder = await createIn(parent);
  onTestFinished(async () => await remove(folder));
  return folder;
}

async function createIn(parent: string): Promise<string> {
  return await mkdtemp(join(parent, "reanchor-"));
}

async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
