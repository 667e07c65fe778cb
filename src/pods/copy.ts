/**
 * Files into containers and out of them, by `tar` in the container.
 *
 * An archive from a pod is hostile input. It is complete only if its end and the exit code say so, and it writes
 * nothing outside of where it belongs: links, devices, names with `..` and names that differ by case alone are errors
 * (kubectl's CVE-2018-1002100, CVE-2019-1002101, CVE-2019-11246, CVE-2019-11249, CVE-2019-11251).
 *
 * @module
 */

import { ExecError } from "../api/exec-error.ts";
import type { KubeObject } from "../api/object.ts";
import type { ObjectTarget } from "../api/object-target.ts";
import { ConfigError, ConnectionError } from "../errors.ts";
import { checkKnown, kindOf } from "../options.ts";
import type { LocalSystem } from "../runtime.ts";
import { exec, feed } from "./exec.ts";
import { EndlessStdinError } from "./remote-command.ts";
import { type TarEntry, readTar } from "./tar-reader.ts";
import { type TarInput, writeTar } from "./tar-writer.ts";

/** Whose files are read or written. */
export interface FileOptions {
  /** The container; needed if a pod has several and none is the default one. It has to have `tar`. */
  container?: string | undefined;
  /** Ends it at once. What was written until then stays. */
  signal?: AbortSignal | undefined;
}

/** How a file is read. */
export interface ReadFileOptions extends FileOptions {
  /**
   * The most bytes that it may have.
   *
   * @default 67_108_864 (64 MiB)
   */
  maxBytes?: number | undefined;
}

/** What is written into a file, and how. */
export interface WriteFileOptions extends FileOptions {
  /** The file's absolute path. Its folder has to exist. */
  path: string;
  /** What it contains then. */
  content: string | Uint8Array;
  /**
   * Its permission bits.
   *
   * @default 0o644
   */
  mode?: number | undefined;
}

/** What is copied into a container, and how. */
export interface CopyToOptions extends FileOptions {
  /** The local file or folder. */
  from: string;
  /** The absolute path that the copy gets in the container. Its folder has to exist. */
  to: string;
  /**
   * Whether symbolic links are left out. By default one is an error.
   *
   * @default false
   */
  skipLinks?: boolean | undefined;
}

/** What is copied out of a container, and how. */
export interface CopyFromOptions extends FileOptions {
  /** The absolute path of the file or folder in the container. */
  from: string;
  /** The local path that the copy gets. */
  to: string;
  /**
   * Whether files that exist are replaced. By default one is an error.
   *
   * @default false
   */
  overwrite?: boolean | undefined;
  /**
   * Whether links and devices are left out. By default one is an error.
   *
   * @default false
   */
  skipLinks?: boolean | undefined;
  /**
   * The most bytes that all files may have together.
   *
   * @default 10_737_418_240 (10 GiB)
   */
  maxBytes?: number | undefined;
  /**
   * The most files and folders.
   *
   * @default 100_000
   */
  maxFiles?: number | undefined;
}

const optionNames: readonly (keyof FileOptions)[] = ["container", "signal"];
const copyFromNames: readonly (keyof CopyFromOptions)[] = [
  "from",
  "to",
  "overwrite",
  "skipLinks",
  "maxBytes",
  "maxFiles",
  ...optionNames,
];

const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_COPY_BYTES = 10 * 1024 ** 3;
const MAX_FILES = 100_000;
/** No system takes a longer path. */
const MAX_NAME = 4_096;
/** How long `tar` may take to end, and to say why, once its archive is broken. */
const EXIT_LIMIT_MS = 5_000;
const MAX_STDERR = 4_000;

/** Reads a file of a container. */
export async function readFile<T extends KubeObject>(
  pod: ObjectTarget<T>,
  path: string,
  given: ReadFileOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  checkKnown("readFile", given, ["maxBytes", ...optionNames]);
  const { maxBytes = MAX_FILE_BYTES, ...options } = given;
  const what = `Cannot read ${path} of ${pod.describe()}`;
  const { folder, base } = splitPath(path, what);
  let content: Uint8Array<ArrayBuffer> | undefined;
  // A link is read as what it leads to.
  const command = ["tar", "chf", "-", "-C", folder, "--", base];
  await fetchArchive({ pod, command, options, what }, async (entry) => {
    if (content !== undefined || entry.type !== "file") throw notAFile(what, entry);
    if (entry.size > maxBytes) {
      throw new ConnectionError(`${what}: it has more than ${maxBytes} bytes (maxBytes)`);
    }
    content = new Uint8Array(await new Response(entry.body).arrayBuffer());
  });
  if (content === undefined) throw new ConnectionError(`${what}: tar sent no file`);
  return content;
}

function notAFile(what: string, { type }: TarEntry): ConnectionError {
  return new ConnectionError(`${what}: it is no file, but ${type}; copyFrom() copies folders`);
}

/** Writes a file of a container; its folder has to exist. */
export async function writeFile<T extends KubeObject>(
  pod: ObjectTarget<T>,
  given: WriteFileOptions,
): Promise<void> {
  checkKnown("writeFile", given, ["path", "content", "mode", ...optionNames]);
  const { path, content, mode = 0o644, ...options } = given;
  const what = `Cannot write ${path} of ${pod.describe()}`;
  const { folder, base } = splitPath(path, what);
  const entry: TarInput = {
    name: base,
    body: content,
    mode,
    modifiedAt: pod.client.clock.wallNow(),
  };
  await sendArchive({ pod, command: extractInto(folder), options, what }, [entry]);
}

/** Copies a local file or folder to a path of a container. */
export async function copyTo<T extends KubeObject>(
  pod: ObjectTarget<T>,
  given: CopyToOptions,
): Promise<void> {
  checkKnown("copyTo", given, ["from", "to", "skipLinks", ...optionNames]);
  const { from, to, skipLinks = false, ...options } = given;
  checkLocalPath("from", from);
  const what = `Cannot copy ${from} to ${to} of ${pod.describe()}`;
  const { folder, base } = splitPath(to, what);
  const local = await localOf(pod, what);
  const command = extractInto(folder);
  await sendArchive({ pod, command, options, what }, inputsOf());

  async function* inputsOf(): AsyncGenerator<TarInput, void, undefined> {
    for await (const { parts, type, size, mode, modifiedAt, open } of local.readTree(from)) {
      const entryName = [base, ...parts].join("/");
      if (type === "directory") yield { name: entryName, type, mode, modifiedAt };
      else if (type === "file") yield { name: entryName, body: open(), size, mode, modifiedAt };
      else if (!skipLinks) {
        const found = [from, ...parts].join("/");
        throw new TypeError(`${what}: ${found} is neither a file nor a folder; set skipLinks`);
      }
    }
  }
}

/** Copies a file or folder of a container to a local path. */
export async function copyFrom<T extends KubeObject>(
  pod: ObjectTarget<T>,
  given: CopyFromOptions,
): Promise<void> {
  checkKnown("copyFrom", given, copyFromNames);
  const {
    from,
    to,
    overwrite = false,
    skipLinks = false,
    maxBytes = MAX_COPY_BYTES,
    maxFiles = MAX_FILES,
    ...options
  } = given;
  checkLocalPath("to", to);
  const what = `Cannot copy ${from} of ${pod.describe()}`;
  const { folder, base } = splitPath(from, what);
  const local = await localOf(pod, what);
  const seen = new Map<string, string>();
  let bytes = 0;
  let skipped = 0;
  const checkCount = (count: number): void => {
    if (count <= maxFiles) return;
    throw new ConnectionError(`${what}: it has more than ${maxFiles} files (maxFiles)`);
  };
  const command = ["tar", "cf", "-", "-C", folder, "--", base];
  await fetchArchive({ pod, command, options, what }, async (entry) => {
    const parts = partsOf(entry.name, base, what);
    if (local.hasWindowsPaths && parts.some(isForeignToWindows)) {
      const why = "which is none on Windows, or leads elsewhere there";
      throw new ConnectionError(`${what}: the archive has the name ${quote(entry.name)}, ${why}`);
    }
    if (entry.type !== "file" && entry.type !== "directory") {
      skipped += 1;
      checkCount(seen.size + skipped);
      if (skipLinks && entry.type !== "other") return;
      if (entry.type === "other") {
        throw new ConnectionError(`${what}: ${quote(entry.name)} is of an unknown kind`);
      }
      const advice = "it would lead elsewhere; set skipLinks to leave it out";
      throw new ConnectionError(`${what}: ${quote(entry.name)} is a ${entry.type}, ${advice}`);
    }
    checkTwins(seen, { parts, type: entry.type, what });
    checkCount(seen.size + skipped);
    bytes += entry.size;
    if (bytes > maxBytes) {
      throw new ConnectionError(`${what}: it has more than ${maxBytes} bytes (maxBytes)`);
    }
    if (entry.type === "directory") await local.createFolder(to, parts);
    else {
      const { body, mode } = entry;
      await local.createFile(to, parts, { body, mode: mode & 0o777, overwrite });
    }
  });
  if (seen.size === 0) throw new ConnectionError(`${what}: tar sent nothing`);
}

/** The path below the one that was asked for. */
function partsOf(name: string, base: string, what: string): string[] {
  if (name.length > MAX_NAME) {
    throw new ConnectionError(`${what}: the archive has a name of ${name.length} characters`);
  }
  const parts = name.split("/");
  while (parts.length > 1 && parts.at(-1) === "") parts.pop();
  while (parts[0] === ".") parts.shift();
  const wanted = base === "." ? undefined : base;
  const isInside = wanted === undefined || parts.shift() === wanted;
  const isOdd = parts.some((part) => part === "" || part === "." || part === "..");
  if (!isInside || isOdd || name.startsWith("/") || name.includes("\0")) {
    throw new ConnectionError(
      `${what}: the archive has the name ${quote(name)}, which leads outside of what was asked for`,
    );
  }
  return parts;
}

/**
 * Whether Windows reads a file's name as something else: as a path, a drive, a stream of another file or a device, or
 * without its last dots and spaces.
 */
function isForeignToWindows(part: string): boolean {
  return (
    /[\\:*?"<>|\p{Cc}]|[. ]$/u.test(part) ||
    /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d\u00b9\u00b2\u00b3])(?:[. ].*)?$/i.test(
      part,
    )
  );
}

/** Names that differ by case alone are one file on some systems, and could write through each other. */
function checkTwins(
  seen: Map<string, string>,
  { parts, type, what }: { parts: readonly string[]; type: TarEntry["type"]; what: string },
): void {
  for (let length = 0; length <= parts.length; length++) {
    const path = parts.slice(0, length).join("/");
    const key = path.normalize("NFC").toLowerCase();
    const isOwn = length === parts.length && type === "file";
    const other = seen.get(key);
    if (other !== undefined && (other !== path || isOwn)) {
      throw new ConnectionError(`${what}: the archive has ${quote(path)} twice`);
    }
    seen.set(key, path);
  }
}

interface Transfer<T extends KubeObject> {
  readonly pod: ObjectTarget<T>;
  readonly command: readonly string[];
  readonly options: FileOptions;
  readonly what: string;
}

/** Runs `tar` for what it reads, and checks that it read all of it. */
async function fetchArchive<T extends KubeObject>(
  { pod, command, options, what }: Transfer<T>,
  onEntry: (entry: TarEntry) => Promise<void>,
): Promise<void> {
  const run = await exec(pod, command, options);
  const stderr = readStderr(run.stderr);
  stderr.catch(() => {}); // It fails with the rest, and may do so first.
  let cancel = (): void => {};
  try {
    let failure: { readonly error: unknown } | undefined;
    try {
      for await (const entry of readTar(run.stdout)) await onEntry(entry);
    } catch (error) {
      failure = { error };
    }
    // What tar says of itself explains why the archive is broken. Ours is not its fault.
    const isTars = failure === undefined || isBroken(failure.error);
    if (!isTars) throw failure?.error;
    if (failure !== undefined)
      cancel = pod.client.clock.setTimeout(() => void run.close(), EXIT_LIMIT_MS);
    const { code } = await run.exit.catch((error: unknown) => {
      throw failure === undefined ? error : failure.error;
    });
    if (code !== 0) throw new ExecError(what, { stdout: "", stderr: await stderr, code });
    if (failure !== undefined) throw failure.error;
  } finally {
    cancel();
    await run.close();
    await stderr.catch(() => {});
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof ConnectionError && error.message.startsWith("Cannot read the tar");
}

/** Runs `tar` for what it writes, and checks that it wrote all of it. */
async function sendArchive<T extends KubeObject>(
  { pod, command, options, what }: Transfer<T>,
  inputs: Iterable<TarInput> | AsyncIterable<TarInput>,
): Promise<void> {
  const run = await exec(pod, command, { ...options, stdin: "pipe", stdout: false });
  let isWritten = false;
  async function* watched(): AsyncGenerator<TarInput, void, undefined> {
    yield* inputs;
    isWritten = true;
  }
  const archive = writeTar(watched());
  const feeding = feed(run, archive).catch((error: unknown) => {
    // An archive has an end of its own, by which tar ends.
    if (!(error instanceof EndlessStdinError)) throw error;
  });
  try {
    const [stderr, { code }] = await Promise.all([readStderr(run.stderr), run.exit, feeding]);
    if (code !== 0) throw new ExecError(what, { stdout: "", stderr, code });
    // An API server that loses the node reports success instead.
    if (!isWritten) {
      const reason = "success was reported before all of it was sent";
      throw new ConnectionError(`${what}: ${reason}; the copy is incomplete`);
    }
  } finally {
    await run.close();
    await feeding.catch(() => {});
    await archive.cancel().catch(() => {}); // Closes the file that it is at.
  }
}

async function readStderr(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    if (text.length < MAX_STDERR) text += decoder.decode(chunk, { stream: true });
  }
  return text.slice(0, MAX_STDERR);
}

/** Owners of the archive are not the container's, and times need not be. */
function extractInto(folder: string): string[] {
  return ["tar", "xof", "-", "-C", folder];
}

function splitPath(path: string, what: string): { folder: string; base: string } {
  if (typeof path !== "string" || !path.startsWith("/") || path.includes("\0")) {
    throw new TypeError(`${what}: the path in the container must begin with /`);
  }
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new TypeError(`${what}: the path in the container has ..`);
  const base = parts.pop() ?? ".";
  return { folder: `/${parts.join("/")}`, base };
}

function checkLocalPath(name: string, path: string): void {
  if (typeof path === "string" && path !== "") return;
  const given = path === "" ? "empty" : kindOf(path);
  throw new TypeError(`Cannot use option ${name}: it must be the path of a file, and is ${given}`);
}

async function localOf<T extends KubeObject>(
  { client }: ObjectTarget<T>,
  what: string,
): Promise<LocalSystem> {
  const local = await client.local?.();
  if (local !== undefined) return local;
  throw new ConfigError(
    `${what}: this runtime has no files; use readFile() and writeFile(), or exec() with readTar() and writeTar()`,
  );
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}
