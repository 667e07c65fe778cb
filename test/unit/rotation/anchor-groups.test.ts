/**
 * Anchors that a TLS library could confuse with each other.
 *
 * @module
 */

import { expect, test } from "vitest";
import { staticCaSource } from "../../../src/sources/ca-source.ts";
import { anchorGroups } from "../../../src/rotation/anchor-groups.ts";
import { anchorPem, certificatePem } from "../support/certificates.ts";

const withIdentifier = [anchorPem("kubernetes", 1), anchorPem("kubernetes", 2)] as const;
const without = [certificatePem({ serial: 3 }), certificatePem({ serial: 4 })] as const;
const otherName = certificatePem({ subject: [[{ value: "other" }]] });

async function groups(...pem: readonly string[]): Promise<string[][]> {
  return anchorGroups(await staticCaSource(pem.join("")).current());
}

test("anchorGroups() returns one group if names or key identifiers distinguish the anchors", async () => {
  expect(await groups(...withIdentifier)).toEqual([[...withIdentifier]]);
  expect(await groups(without[0], otherName)).toEqual([[without[0], otherName]]);
  expect(await groups(without[0])).toEqual([[without[0]]]);
});

test("anchorGroups() splits anchors with the same name if either lacks a key identifier", async () => {
  expect(await groups(...without)).toEqual([[without[0]], [without[1]]]);
  expect(await groups(withIdentifier[0], without[0])).toEqual([[withIdentifier[0]], [without[0]]]);
});

test("anchorGroups() keeps every anchor, in as few groups as their order allows", async () => {
  const all = [without[0], withIdentifier[0], otherName, without[1], withIdentifier[1]];
  const found = await groups(...all);
  expect(found.flat().toSorted()).toEqual(all.toSorted());
  expect(found).toEqual([[without[0], otherName], [...withIdentifier], [without[1]]]);
});

test("anchorGroups() splits anchors with the same name and key if only one of them may sign", async () => {
  const renewed = certificatePem({
    subject: [[{ value: "kubernetes" }]],
    serial: 9,
    keyIdentifier: [0, 1],
  });
  expect(await groups(withIdentifier[0], renewed)).toEqual([[withIdentifier[0]], [renewed]]);
});
