/**
 * A service account's folder laid out as the kubelet lays it out, and the other ways in which a
 * file can change under its reader.
 *
 * @module
 */

import { mkdir, mkdtemp, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The content of the volume; `null` stands for a missing file. */
export interface ProjectedFiles {
  /** Content of `ca.crt`. */
  ca?: string | null;
  /** Content of `token`. */
  token?: string | null;
  /** Content of `namespace`. */
  namespace?: string | null;
}

/** A projected volume in a temporary folder of its own. */
export interface ProjectedVolume {
  readonly root: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly namespaceFile: string;
  /** Swaps the content atomically, as the kubelet does. Omitted files keep their content. */
  write(files: ProjectedFiles): Promise<void>;
  /** Removes the folder. */
  remove(): Promise<void>;
}

const FILE_NAMES = { ca: "ca.crt", token: "token", namespace: "namespace" } as const;

/**
 * Creates a volume with the layout of the kubelet's AtomicWriter (kubernetes
 * `pkg/volume/util/atomic_writer.go`): the files are links into `..data`, which is a link to a
 * folder named after a time.
 *
 * @param files the initial content
 * @returns the volume
 */
export async function createProjectedVolume(files: ProjectedFiles): Promise<ProjectedVolume> {
  const root = await mkdtemp(join(tmpdir(), "reanchor-"));
  let payload: ProjectedFiles = {};
  let folder: string | undefined;
  let serial = 0;

  async function write(changes: ProjectedFiles): Promise<void> {
    const next = { ...payload, ...changes };
    const previousFolder = folder;
    serial += 1;
    folder = folderName(new Date(), serial);
    await mkdir(join(root, folder));
    for (const [field, name] of Object.entries(FILE_NAMES)) {
      const content = next[field as keyof ProjectedFiles];
      if (content !== undefined && content !== null) {
        await writeFile(join(root, folder, name), content);
      }
    }
    await symlink(folder, join(root, "..data_tmp"));
    await rename(join(root, "..data_tmp"), join(root, "..data"));
    await updateLinks(root, payload, next);
    if (previousFolder !== undefined) await rm(join(root, previousFolder), { recursive: true });
    payload = next;
  }

  await write(files);
  return {
    root,
    caFile: join(root, FILE_NAMES.ca),
    tokenFile: join(root, FILE_NAMES.token),
    namespaceFile: join(root, FILE_NAMES.namespace),
    write,
    remove: async () => await rm(root, { recursive: true, force: true }),
  };
}

async function updateLinks(
  root: string,
  before: ProjectedFiles,
  after: ProjectedFiles,
): Promise<void> {
  for (const [field, name] of Object.entries(FILE_NAMES)) {
    const wasThere = (before[field as keyof ProjectedFiles] ?? null) !== null;
    const isThere = (after[field as keyof ProjectedFiles] ?? null) !== null;
    if (isThere && !wasThere) await symlink(join("..data", name), join(root, name));
    if (wasThere && !isThere) await unlink(join(root, name));
  }
}

/** A name such as `..2026_01_31_23_59_59.000000001`. */
function folderName(date: Date, serial: number): string {
  const seconds = date.toISOString().slice(0, 19).replace(/[-T:]/g, "_");
  return `..${seconds}.${String(serial).padStart(9, "0")}`;
}

/**
 * Overwrites the file in place, so that a reader can see it half written.
 *
 * @param file the file; a link is followed
 * @param content the new content
 */
export async function writeInPlace(file: string, content: string): Promise<void> {
  await writeFile(file, content);
}

/**
 * Writes a new file beside the old one and renames it over the old one.
 *
 * @param file the file; a link is replaced
 * @param content the new content
 */
export async function renameOver(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

/**
 * Moves the file away, then creates another in its place.
 *
 * @param file the file
 * @param content the content of the new file
 * @param whileAway runs while there is no file
 */
export async function moveAwayAndRecreate(
  file: string,
  content: string,
  whileAway?: () => Promise<void>,
): Promise<void> {
  await rename(file, `${file}.old`);
  await whileAway?.();
  await writeFile(file, content);
  await rm(`${file}.old`);
}

/**
 * Truncates the file in the middle of its last PEM block, as if a writer were not done yet.
 *
 * @param file the file, with at least one block; a link is followed
 * @returns the remaining content
 */
export async function truncateMidBlock(file: string): Promise<string> {
  const content = await readFile(file, "utf8");
  const begin = content.lastIndexOf("-----BEGIN ");
  const end = content.lastIndexOf("-----END ");
  if (begin < 0 || end < begin) throw new RangeError(`Cannot truncate ${file}: no PEM block`);
  const truncated = content.slice(0, Math.floor((begin + end) / 2));
  await writeFile(file, truncated);
  return truncated;
}
