/**
 * Clause j: a replaced file is read, however it was replaced.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  type ProjectedVolume,
  moveAwayAndRecreate,
  renameOver,
  writeInPlace,
} from "../support/projected-volume.ts";
import { authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import { connectClient, createVolume, startCluster } from "./support/scene.ts";

interface Shape {
  readonly shape: string;
  /** The file that is read. */
  file(volume: ProjectedVolume): string;
  replace(volume: ProjectedVolume, content: string, whileAway: () => Promise<void>): Promise<void>;
}

const plain = (volume: ProjectedVolume): string => `${volume.root}/plain.crt`;

const shapes: readonly Shape[] = [
  {
    shape: "..data symlink swap",
    file: ({ caFile }) => caFile,
    replace: (volume, ca) => volume.write({ ca }),
  },
  {
    shape: "renamed over",
    file: plain,
    replace: (volume, content) => renameOver(plain(volume), content),
  },
  {
    shape: "written in place",
    file: plain,
    replace: (volume, content) => writeInPlace(plain(volume), content),
  },
  {
    shape: "moved away then recreated",
    file: plain,
    replace: (volume, content, whileAway) => moveAwayAndRecreate(plain(volume), content, whileAway),
  },
];

describe.each(authorityKinds)("$kind", ({ next, settings }) => {
  test.each(shapes)("the CA bundle is reloaded, by age and by failure: $shape", async (shape) => {
    const { file, replace } = shape;
    let { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    await writeFile(plain(volume), ca.pem);
    const config = { server: server.origin };
    const { kube: byAge } = await connectClient({
      config: { ...config, ca: entry.fileCaSource(file(volume), { reloadIntervalMs: 0 }) },
      ...settings,
    });
    const { kube: byFailure } = await connectClient({
      config: { ...config, ca: entry.fileCaSource(file(volume)) },
      ...settings,
    });

    for (let rotation = 1; rotation <= 3; rotation += 1) {
      const successor = await next();
      await replace(volume, ca.pem + successor.pem, async () => {
        await byAge.get("/version");
        await byFailure.get("/version");
      });
      await replace(volume, successor.pem, () => Promise.resolve());
      await server.restart(await successor.issue());
      await byAge.post("/echo", { rotation });
      await byFailure.post("/echo", { rotation });
      const fingerprint = byAge.status().ca?.fingerprint;
      expect(fingerprint).toBeDefined();
      expect(byFailure.status().ca?.fingerprint).toBe(fingerprint);
      ca = successor;
    }
  });
});

test("the token is reloaded when it is replaced", async () => {
  const { ca, server } = await startCluster({ token: "one" });
  const volume = await createVolume({ ca: ca.pem, token: "one\n" });
  const { kube } = await connectClient({
    config: {
      server: server.origin,
      ca: entry.fileCaSource(volume.caFile),
      token: entry.fileTokenSource(volume.tokenFile),
    },
  });
  await kube.get("/version");
  await volume.write({ token: "two\n" });
  await server.swap({ token: "two" });
  await kube.post("/echo", {});
  await renameOver(volume.tokenFile, "three");
  await server.swap({ token: "three" });
  expect(await kube.post("/echo", {})).toHaveProperty("headers.authorization", "Bearer three");
});
