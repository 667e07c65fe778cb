import { expect, test } from "vitest";
import { acceptAll } from "../../../runtimes/_shared/accept-all.ts";
import { until } from "../../support/until.ts";

test("acceptAll() reports a failure and accepts later connections, until its listener is closed", async () => {
  const failure = new Error("too many open files");
  const closed = Promise.withResolvers<never>();
  const results: (() => Promise<number>)[] = [
    async () => 1,
    async () => await Promise.reject(failure),
    async () => await Promise.reject(failure),
    async () => 2,
  ];
  const accepted: number[] = [];
  const errors: unknown[] = [];
  let isClosed = false;
  const accepting = acceptAll(
    { accept: async () => await (results.shift()?.() ?? closed.promise) },
    {
      onConnection: (connection) => void accepted.push(connection),
      onError: (error) => void errors.push(error),
      isClosed: () => isClosed,
    },
  );
  await until("all is accepted", () => accepted.length === 2);
  isClosed = true;
  closed.reject(new Error("the listener was closed"));
  await accepting;
  expect(accepted).toEqual([1, 2]);
  expect(errors).toEqual([failure, failure]);
});
