/**
 * Resources, against a real kube-apiserver.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { Deployment } from "../../src/resources/index.ts";
import { aDeployment, testFollowing } from "../support/resource-following.ts";
import { testVerbs } from "../support/resource-verbs.ts";
import { connectAdmin } from "./support/admin.ts";
import { ways } from "./support/scene.ts";

describe.each(ways)("$way", ({ settings }) => {
  testVerbs(() => connectAdmin(settings));
  testFollowing(() => connectAdmin(settings));

  test("a field that the kind does not have is rejected by strict validation", async () => {
    const deployments = (await connectAdmin(settings)).resource(Deployment);
    const unknown = { ...aDeployment("other"), surprise: true };
    await expect(deployments.create(unknown, { fieldValidation: "Strict" })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("surprise") as string,
    });
  });
});
