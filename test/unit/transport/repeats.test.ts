/**
 * The steps that look at answers.
 *
 * @module
 */

import { expect, test } from "vitest";
import { systemClock } from "../../../src/runtime.ts";
import { withRedirects } from "../../../src/transport/redirects.ts";
import { withRepeats } from "../../../src/transport/repeats.ts";
import { withRetryAfter } from "../../../src/transport/retry-after.ts";
import { answer, outgoing, recordingSend } from "../support/outgoing.ts";

const limits = { maxWaitMs: 30_000, clock: systemClock };

test("withRepeats() sends a request once that succeeds, past the steps", async () => {
  const { send, sent } = recordingSend(answer(200));
  const sending = withRepeats(send, () => () => Promise.reject(new Error("unexpected")));
  expect((await sending(outgoing("/a"))).status).toBe(200);
  expect(sent).toHaveLength(1);
});

test("withRepeats() gives the first answer to the steps, which send again what they must", async () => {
  const { send, sent } = recordingSend(
    answer(302, { location: "/b" }),
    answer(429, { "retry-after": "0" }),
    answer(302, { location: "/c" }),
    answer(404),
  );
  const sending = withRepeats(send, (again) => withRedirects(withRetryAfter(again, limits)));
  expect((await sending(outgoing("/a"))).status).toBe(404);
  expect(sent.map(({ request }) => request.url.pathname)).toEqual(["/a", "/b", "/b", "/c"]);
});
