import { expect, test } from "vitest";
import { warningsOf } from "../../../src/api/warning-header.ts";

test.each<[what: string, header: string | null, texts: string[]]>([
  ["none", null, []],
  ["one", '299 - "policy/v1beta1 is deprecated"', ["policy/v1beta1 is deprecated"]],
  ["several, joined", '299 - "a, b", 299 host:443 "c"', ["a, b", "c"]],
  [
    "escapes",
    String.raw`299 - "unknown field \"spec.x\" \\ y"`,
    [String.raw`unknown field "spec.x" \ y`],
  ],
  ["what is no warning", "nonsense", []],
])("warningsOf() reads %s", (_what, header, texts) => {
  expect(warningsOf(header)).toEqual(texts);
});
