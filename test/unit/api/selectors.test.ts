import { expect, test } from "vitest";
import { fieldSelector, labelSelector } from "../../../src/api/selectors.ts";

test.each([
  ["nothing", undefined, undefined],
  ["the API's own notation", "app=web,!canary", "app=web,!canary"],
  ["a value", { app: "web" }, "app=web"],
  ["one of several values", { tier: ["a", "b"] }, "tier in (a,b)"],
  ["there at all", { app: true }, "app"],
  ["not there", { canary: false }, "!canary"],
  ["several requirements", { app: "web", canary: false }, "app=web,!canary"],
  ["no requirement", {}, ""],
  ["a label of the name matchLabels", { matchLabels: "yes" }, "matchLabels=yes"],
  ["the selector of a Deployment", { matchLabels: { app: "web", tier: "a" } }, "app=web,tier=a"],
  [
    "expressions",
    {
      matchLabels: { app: "web" },
      matchExpressions: [
        { key: "tier", operator: "In", values: ["a", "b"] },
        { key: "zone", operator: "NotIn", values: ["c"] },
        { key: "owner", operator: "Exists" },
        { key: "canary", operator: "DoesNotExist" },
      ],
    },
    "app=web,tier in (a,b),zone notin (c),owner,!canary",
  ],
])("labelSelector() writes %s", (_what, input, written) => {
  expect(labelSelector(input)).toBe(written);
});

test("labelSelector() refuses an operator that there is not", () => {
  const selector = { matchExpressions: [{ key: "tier", operator: "Like", values: ["a"] }] };
  expect(() => labelSelector(selector)).toThrow("operator Like of label tier");
});

test.each([
  ["nothing", undefined, undefined],
  ["the API's own notation", "status.phase!=Failed", "status.phase!=Failed"],
  ["fields", { "metadata.name": "web", "spec.nodeName": "a" }, "metadata.name=web,spec.nodeName=a"],
  [
    "characters that mean something",
    { "spec.x": String.raw`a,b=c\d` },
    String.raw`spec.x=a\,b\=c\\d`,
  ],
])("fieldSelector() writes %s", (_what, input, written) => {
  expect(fieldSelector(input)).toBe(written);
});
