/**
 * Copying files into and out of containers with the container's `tar`, compared with `kubectl cp`.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ConnectOptions } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import { eventually } from "../support/cluster.ts";
import { type Topology, startNode } from "../support/node-process.ts";
import { findKubectl } from "./support/kubectl.ts";
import { createPod, createPodAccount, createSharedFolder, useNode } from "./support/pods.ts";
import { cluster, connectAs, rejection, ways } from "./support/scene.ts";

const kubectl = await findKubectl(cluster);
const topologies: readonly Topology[] = ["translated", "proxied"];

const LARGE_BYTES = 20 * 2 ** 20;

describe.each(topologies)("%s", (topology) => {
  const node = useNode(topology);

  async function scene(settings: ConnectOptions = {}) {
    const account = await createPodAccount();
    const { kube } = await connectAs(account, { settings });
    const name = await createPod(account, node());
    const { path } = await createSharedFolder();
    return { account, pods: kube.resource(Pod), name, path };
  }

  describe.each(ways)("$way", ({ settings }) => {
    test("writeFile() and readFile() agree with the container", async () => {
      const { pods, name, path } = await scene(settings);
      for (const file of [
        "plain.txt",
        "-with a dash",
        "ünïcode ☃ and a very long name".repeat(5),
      ]) {
        const there = join(path, file);
        await pods.writeFile(name, { path: there, content: `the content of ${file}`, mode: 0o640 });
        expect(await readFile(there, "utf8")).toBe(`the content of ${file}`);
        expect((await stat(there)).mode & 0o777).toBe(0o640);
        const read = await pods.readFile(name, there);
        expect(new TextDecoder().decode(read)).toBe(`the content of ${file}`);
      }
      const missing = await rejection(pods.readFile(name, join(path, "missing")));
      expect(String(missing)).toMatch(/No such file|Cannot stat|not found/i);
      const nowhere = await rejection(
        pods.writeFile(name, { path: join(path, "no/folder/file"), content: "x" }),
      );
      expect(nowhere).toBeInstanceOf(Error);
    });

    test("copyTo() and copyFrom() copy the same as kubectl cp", async () => {
      const { account, pods, name, path } = await scene(settings);
      const from = join(path, "from");
      await createTree(from);
      await pods.copyTo(name, { from: from, to: join(path, "into") });
      await pods.copyFrom(name, { from: join(path, "into"), to: join(path, "back") });
      const expected = await describeTree(from);
      expect(await describeTree(join(path, "into"))).toEqual(expected);
      expect(await describeTree(join(path, "back"))).toEqual(expected);
      if (kubectl === undefined) return;
      for (const [source, target] of [
        [from, `${name}:${join(path, "into-by-kubectl")}`],
        [`${name}:${join(path, "into-by-kubectl")}`, join(path, "back-by-kubectl")],
      ] as const) {
        const { code, stderr } = await kubectl(account.namespace, ["cp", source, target]);
        expect({ code, stderr }).toMatchObject({ code: 0 });
      }
      expect(await describeTree(join(path, "into-by-kubectl"))).toEqual(expected);
      // kubectl does not keep the executable bits.
      const script = expected["script"]?.replace("755", "644");
      expect(await describeTree(join(path, "back-by-kubectl"))).toEqual({ ...expected, script });
    });
  });

  test("copyFrom() rejects links, and a malicious archive", async () => {
    const { account, pods, path } = await scene();
    const from = join(path, "links");
    await mkdir(from);
    await symlink("/etc/passwd", join(from, "link"));
    const name = await createPod(account, node(), { name: "hostile" });
    const linked = await rejection(pods.copyFrom(name, { from: from, to: join(path, "to") }));
    expect(String(linked)).toContain("skipLinks");

    // A container's tar may send anything.
    const programs = join(path, "programs");
    await mkdir(programs);
    await writeFile(join(programs, "secret"), "from outside");
    const tar = join(programs, "tar");
    const archive = `exec /usr/bin/env -i PATH=/usr/bin:/bin tar cPf - --transform='s,.*,../escaped,' '${programs}/secret'`;
    await writeFile(tar, `#!/bin/sh\n${archive}\n`);
    await chmod(tar, 0o755);
    const hostile = await createPod(account, node(), {
      name: "hostile-tar",
      containers: [{ env: [{ name: "PATH", value: `${programs}:/usr/bin:/bin` }] }],
    });
    const to = join(path, "target");
    const escaped = await rejection(pods.copyFrom(hostile, { from: "/srv/data", to: to }));
    expect(String(escaped)).toContain("../escaped");
    expect(await readdir(path)).not.toContain("escaped");
  });

  test("copyFrom() of a large file is complete, and rejects when the node dies in the middle", async () => {
    const { account, pods, name, path } = await scene();
    const large = randomBytes(LARGE_BYTES);
    await writeFile(join(path, "large"), large);
    await pods.copyFrom(name, { from: join(path, "large"), to: join(path, "copy") });
    const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    expect(digest(await readFile(join(path, "copy")))).toBe(digest(large));
    await pods.copyTo(name, { from: join(path, "large"), to: join(path, "sent") });
    expect(digest(await readFile(join(path, "sent")))).toBe(digest(large));

    const dying = await startNode(cluster, topology);
    onTestFinished(() => dying.stop());
    // A program that stops in the middle stands in for tar.
    const programs = join(path, "slow");
    await mkdir(programs);
    const script = `#!/bin/sh\n/usr/bin/env -i PATH=/usr/bin:/bin tar "$@" | head -c ${LARGE_BYTES / 2}\nsleep 1000\n`;
    await writeFile(join(programs, "tar"), script);
    await chmod(join(programs, "tar"), 0o755);
    const slow = await createPod(account, dying, {
      name: "slow",
      containers: [{ env: [{ name: "PATH", value: `${programs}:/usr/bin:/bin` }] }],
    });
    const copying = rejection(
      pods.copyFrom(slow, { from: join(path, "large"), to: join(path, "partial") }),
    );
    await eventually("a part has come", async () => {
      return (await stat(join(path, "partial")).catch(() => undefined))?.size !== undefined;
    });
    await dying.kill();
    expect(await copying).toBeInstanceOf(Error);
  });
});

/** Files of several kinds, in folders. */
async function createTree(folder: string): Promise<void> {
  await mkdir(join(folder, "deep", "empty"), { recursive: true });
  await writeFile(join(folder, "empty file"), "");
  await writeFile(join(folder, "deep", "-dash"), "dash");
  await writeFile(join(folder, "deep", "ünïcode"), "unicode");
  await writeFile(join(folder, "binary"), randomBytes(100_000));
  await writeFile(join(folder, "script"), "#!/bin/sh\n");
  await chmod(join(folder, "script"), 0o755);
  await writeFile(join(folder, "n".repeat(180)), "a long name");
}

/** Every path below a folder, with the file's mode and content. */
async function describeTree(folder: string): Promise<Record<string, string>> {
  const paths = (await readdir(folder, { recursive: true })).toSorted();
  const described: Record<string, string> = {};
  for (const path of paths) {
    const full = join(folder, path);
    const info = await stat(full);
    const mode = (info.mode & 0o777).toString(8);
    if (info.isDirectory()) described[path] = "folder";
    else {
      const bytes = await readFile(full);
      described[path] = `${mode} ${createHash("sha256").update(bytes).digest("hex")}`;
    }
  }
  return described;
}
