/**
 * Clause: a read is limited by the bytes that it reads, never by what the path or the size promised before.
 *
 * @module
 */

import { appendFile, open, rename, rm, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { describe, expect, test } from "vitest";
import type { SourceError } from "../../src/errors.ts";
import type { Files } from "../../src/runtime.ts";
import { readBounded } from "../../runtimes/_shared/bounded-read.ts";
import { entry } from "./support/entry.ts";
import { control, createVolume } from "./support/scene.ts";

const { files } = entry.runtime as { files: Files };
const { signal } = new AbortController();

/** The result of a read: its bytes, or the reason for its failure. */
async function outcome(path: string, maxBytes: number): Promise<number | string> {
  try {
    return (await files.read(path, maxBytes, signal)).length;
  } catch (error) {
    return (error as SourceError).reason ?? String(error);
  }
}

async function folder(): Promise<string> {
  return (await createVolume({})).root;
}

test.each([0, 1, 4_095, 4_096, 4_097, 10_000])(
  "a file of %d bytes is read completely",
  async (size) => {
    const path = `${await folder()}/file`;
    const content = new Uint8Array(size).map((_, index) => index % 251);
    await writeFile(path, content);
    expect(await files.read(path, 10_000, signal)).toEqual(content);
    expect(await files.read(path, size, signal)).toEqual(content);
    if (size > 0) expect(await outcome(path, size - 1)).toBe("too-large");
  },
);

/** Files that report a size of 0 and are not empty. */
const lying: readonly (readonly [
  what: string,
  path: string,
  maxBytes: number,
  expected: unknown,
])[] =
  process.platform === "linux"
    ? [
        ["short", "/proc/self/limits", 65_536, expect.any(Number)],
        ["longer than the limit", "/proc/self/limits", 100, "too-large"],
        ["endless", "/proc/self/pagemap", 65_536, "too-large"],
      ]
    : [];

describe("a file with a reported size of 0", () => {
  test.each(lying)(
    "is read up to the limit if it is %s",
    async (_what, path, maxBytes, expected) => {
      const found = await outcome(path, maxBytes);
      expect(found).toEqual(expected);
      expect(found).not.toBe(0);
    },
  );

  test("is read to its end and never beyond the limit", async () => {
    let given = 0;
    const holding = (bytes: number) => ({
      stat: () => Promise.resolve({ isFile: true, size: 0 }),
      read(into: Uint8Array) {
        const count = Math.min(into.length, 1_000, bytes - given);
        given += count;
        return Promise.resolve(count);
      },
    });
    expect(await readBounded(holding(100_000), 100_000, signal)).toHaveLength(100_000);
    given = 0;
    const read = readBounded(holding(Number.POSITIVE_INFINITY), 100_000, signal);
    await expect(read).rejects.toMatchObject({ reason: "too-large" });
    expect(given).toBeLessThanOrEqual(101_000);
  });
});

test("a file that grows while it is read is read up to the limit", async () => {
  const path = `${await folder()}/file`;
  await writeFile(path, "a".repeat(60_000));
  let isDone = false;
  const growing = (async () => {
    while (!isDone) await appendFile(path, "a".repeat(1_000));
  })();
  let found: number | string;
  do {
    found = await outcome(path, 65_536);
    if (typeof found === "number") expect(found).toBeLessThanOrEqual(65_536);
  } while (typeof found === "number");
  isDone = true;
  await growing;
  expect(found).toBe("too-large");
});

test("a path that changes at any moment returns the file that was opened, or an error", async () => {
  const root = await folder();
  const path = `${root}/token`;
  const kinds = [`${root}/good`, `${root}/long`, "/dev/null", root];
  await writeFile(`${root}/good`, "sesame");
  await writeFile(`${root}/long`, "#".repeat(131_072));
  await symlink(`${root}/good`, path);
  let isDone = false;
  const swapping = (async () => {
    for (let turn = 1; !isDone; turn += 1) {
      await symlink(kinds[turn % kinds.length] as string, `${path}.new`);
      await rename(`${path}.new`, path);
    }
  })();
  const found = new Map<number | string, number>();
  const readMany = async (): Promise<void> => {
    for (let read = 0; read < 200; read += 1) {
      const one = await outcome(path, 65_536);
      found.set(one, (found.get(one) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 8 }, readMany));
  isDone = true;
  await swapping;
  expect([...found.keys()]).toContain(6);
  for (const one of found.keys()) expect([6, "too-large", "unreadable"]).toContain(one);
});

test.each(["/dev/zero", "/dev/null", "/dev/urandom"])("%s is rejected", async (device) => {
  expect(await outcome(device, 65_536)).toBe("unreadable");
  const path = `${await folder()}/link`;
  await symlink(device, path);
  expect(await outcome(path, 65_536)).toBe("unreadable");
});

test("a FIFO is rejected, whether or not it has a writer", async () => {
  const path = `${await folder()}/fifo`;
  await control.fifo(path);
  expect(await outcome(path, 65_536)).toBe("unreadable");
  // Opened for both, so that opening does not block.
  const writer = await open(path, "r+");
  try {
    await writer.write("sesame");
    expect(await outcome(path, 65_536)).toBe("unreadable");
  } finally {
    await writer.close();
    await rm(path);
  }
});

test("an aborted read reads no further", async () => {
  const abort = new AbortController();
  let reads = 0;
  const file = {
    stat: () => Promise.resolve({ isFile: true, size: 0 }),
    read() {
      reads += 1;
      if (reads === 3) abort.abort(new Error("enough"));
      return Promise.resolve(1);
    },
  };
  await expect(readBounded(file, 65_536, abort.signal)).rejects.toThrow("enough");
  expect(reads).toBe(3);
});
