/**
 * Headers that many requests have in common.
 *
 * @module
 */

import { expect, test } from "vitest";
import { staticTokenSource } from "../../../src/sources/token-source.ts";
import { systemClock } from "../../../src/runtime.ts";
import { withCredentials } from "../../../src/transport/authorize.ts";
import { AddedHeader, rememberLast } from "../../../src/transport/shared-headers.ts";
import { answer, outgoing, recordingSend } from "../support/outgoing.ts";

const plain: ReadonlyMap<string, string> = new Map([["accept", "application/json"]]);

test("set() returns the same map for the same headers and value, and never changes a map", () => {
  const header = new AddedHeader("authorization");
  const first = header.set(plain, "Bearer old");
  expect(header.set(plain, "Bearer old")).toBe(first);
  const second = header.set(plain, "Bearer new");
  const others = header.set(new Map([["x-a", "1"]]), "Bearer new");
  const without = header.set(second, undefined);
  expect(
    [plain, first, second, others, without].map((headers) => Object.fromEntries(headers)),
  ).toEqual([
    { accept: "application/json" },
    { accept: "application/json", authorization: "Bearer old" },
    { accept: "application/json", authorization: "Bearer new" },
    { "x-a": "1", authorization: "Bearer new" },
    { accept: "application/json" },
  ]);
});

test("setDefault() leaves headers as they are that have one", () => {
  const header = new AddedHeader("accept");
  expect(header.setDefault(plain, "text/plain")).toBe(plain);
  expect(header.setDefault(new Map(), "text/plain").get("accept")).toBe("text/plain");
});

test("rememberLast() converts the same headers once, and others anew", () => {
  let count = 0;
  const convert = rememberLast((headers) => ({ count: ++count, names: [...headers.keys()] }));
  expect(convert(plain)).toBe(convert(plain));
  expect(convert(new Map([["x-a", "1"]]))).toEqual({ count: 2, names: ["x-a"] });
  expect(convert(plain)).toEqual({ count: 3, names: ["accept"] });
});

test("withCredentials() sends one map by many requests, and adds nothing of one to another", async () => {
  const { send, sent } = recordingSend(answer(200));
  const token = staticTokenSource("sesame");
  await token.current();
  const authorized = withCredentials(send, { token, clock: systemClock });
  const shared: ReadonlyMap<string, string> = new Map([["accept", "text/plain"]]);
  await authorized(outgoing("/a", { headers: shared }));
  await authorized(outgoing("/b", { headers: new Map([["x-b", "1"]]) }));
  await authorized(outgoing("/c", { headers: shared }));
  await authorized(outgoing("/d", { headers: shared }));
  const headers = sent.map(({ request }) => request.headers);
  expect(headers[3]).toBe(headers[2]);
  expect(headers.map((each) => [...each.keys()])).toEqual([
    ["accept", "authorization"],
    ["x-b", "authorization"],
    ["accept", "authorization"],
    ["accept", "authorization"],
  ]);
  expect([...shared.keys()]).toEqual(["accept"]);
});
