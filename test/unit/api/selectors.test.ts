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

test.each<[what: string, input: unknown]>([
  ["a comma in a value", { app: "web,tier=x" }],
  ["a comma in one of several values", { tier: ["a", "b),x in (y"] }],
  ["a comma in a name", { "app,x": "y" }],
  ["a space", { app: "web x" }],
  ["a slash too many", { "a/b/c": "x" }],
  ["a prefix that is no DNS name", { "Example.com/a": "x" }],
  ["an empty prefix", { "/a": "x" }],
  ["an empty name", { "": "x" }],
  ["a name that begins with !", { "!app": true }],
  ["a long value", { app: "a".repeat(64) }],
  ["a value that ends in a dash", { app: "a-" }],
  ["a value that is a number", { app: 1 }],
  ["a value that is missing", { app: undefined }],
  ["no value at all", { tier: [] }],
  ["a comma in matchLabels", { matchLabels: { app: "a,b" } }],
  [
    "a comma in an expression",
    { matchExpressions: [{ key: "a", operator: "In", values: ["b,c"] }] },
  ],
  ["an expression without values", { matchExpressions: [{ key: "a", operator: "NotIn" }] }],
  [
    "values where none belong",
    { matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] },
  ],
  ["a label beside matchLabels", { matchLabels: { app: "a" }, tier: "b" }],
  ["a list", [{ app: "web" }]],
  ["null", null],
  ["a number", 7],
])("labelSelector() throws a TypeError when given %s", (_what, input) => {
  expect(() => labelSelector(input as never)).toThrow(TypeError);
});

test.each([
  "a",
  "A-b_c.9",
  "example.com/app",
  `${"a".repeat(63)}.${"b".repeat(63)}/${"c".repeat(63)}`,
])("labelSelector() accepts the name %s", (name) => {
  expect(labelSelector({ [name]: "" })).toBe(`${name}=`);
});

test.each([{ "a,b": "c" }, { "a=b": "c" }, { "": "c" }, { a: 1 }, { a: undefined }, null, []])(
  "fieldSelector() throws a TypeError when given %j",
  (input) => {
    expect(() => fieldSelector(input as never)).toThrow(TypeError);
  },
);

class Inherited {
  get app(): string {
    return "web";
  }
}

test.each<[what: string, input: object]>([
  ["a Map", new Map([["app", "web"]])],
  ["a Set", new Set(["app"])],
  ["URLSearchParams", new URLSearchParams("app=web")],
  ["an object whose properties are its class's", new Inherited()],
  ["an object whose properties are inherited", Object.create({ app: "web" }) as object],
  [
    "an object some of whose properties are inherited",
    Object.assign(Object.create({ app: "web" }) as object, { tier: "a" }),
  ],
])("a selector that is %s throws a TypeError, and does not select everything", (_what, input) => {
  expect(() => labelSelector(input as never)).toThrow(/Cannot use option labelSelector/);
  expect(() => fieldSelector(input as never)).toThrow(/Cannot use option fieldSelector/);
});

test("a selector may be an instance of a class or an object without a prototype", () => {
  class V1LabelSelector {
    readonly matchLabels = { app: "web" };
  }
  const bare = Object.assign(Object.create(null) as object, { app: "web" });
  expect(labelSelector(new V1LabelSelector())).toBe("app=web");
  expect(labelSelector(bare as never)).toBe("app=web");
});

test("labelSelector() rejects an unknown operator", () => {
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
