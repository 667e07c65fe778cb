/**
 * Clause: what is read of a file is bounded by what is read, never by what its path or its size said before.
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

/** What a read came to: its bytes, or the reason why there are none. */
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
  "a file of %d bytes is read as a whole",
  async (size) => {
    const path = `${await folder()}/file`;
    const content = new Uint8Array(size).map((_, index) => index % 251);
    await writeFile(path, content);
    expect(await files.read(path, 10_000, signal)).toEqual(content);
    expect(await files.read(path, size, signal)).toEqual(content);
    if (size > 0) expect(await outcome(path, size - 1)).toBe("too-large");
  },
);

/** Files that say that they are empty, and are not. */
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

describe("a file whose size is said to be 0", () => {
  test.each(lying)("is read where it is %s", async (_what, path, maxBytes, expected) => {
    const found = await outcome(path, maxBytes);
    expect(found).toEqual(expected);
    expect(found).not.toBe(0);
  });

  test("is read to its end and no further than the limit", async () => {
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

test("a path that changes between any two looks at it gives what was opened, or an error", async () => {
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

test.each(["/dev/zero", "/dev/null", "/dev/urandom"])("%s is refused", async (device) => {
  expect(await outcome(device, 65_536)).toBe("unreadable");
  const path = `${await folder()}/link`;
  await symlink(device, path);
  expect(await outcome(path, 65_536)).toBe("unreadable");
});

test("a FIFO is rejected, whether or not somebody writes to it", async () => {
  const path = `${await folder()}/fifo`;
  await control.fifo(path);
  expect(await outcome(path, 65_536)).toBe("unreadable");
  // Opened for both, it waits for nobody.
  const writer = await open(path, "r+");
  try {
    await writer.write("sesame");
    expect(await outcome(path, 65_536)).toBe("unreadable");
  } finally {
    await writer.close();
    await rm(path);
  }
});

test("a read that was given up reads no further", async () => {
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
