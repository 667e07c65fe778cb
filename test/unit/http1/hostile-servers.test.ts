/**
 * Malformed responses. None of them may crash a program, hang, or reach another request.
 *
 * @module
 */

import { expect, test } from "vitest";
import { bytesOf } from "../../../src/http1/wire.ts";
import { corpus } from "../../support/http1-corpus.ts";
import { type Random, seeded } from "../../support/random.ts";
import { MemoryConnection, type Outcome } from "../support/memory-wire.ts";

/** The result of a response that arrives in pieces, up to the end of its connection. */
function read(text: string, method: string, cuts: readonly number[]): Outcome {
  const memory = new MemoryConnection();
  const outcome = memory.ask(method);
  let at = 0;
  for (const cut of [...cuts, text.length]) {
    memory.wire.arrive(text.slice(at, cut));
    at = cut;
  }
  memory.wire.end();
  return outcome;
}

function told({ head, body, isComplete, ends }: Outcome): string {
  // How much of a body is delivered before it is found to be broken depends on the pieces.
  return JSON.stringify(isComplete ? { head, body, ends } : { isComplete, ends });
}

test("a response is the same wherever its bytes are cut", () => {
  expect(corpus.length).toBeGreaterThanOrEqual(300);
  for (const { name, text, method } of corpus) {
    const whole = told(read(text, method, []));
    const at = Array.from({ length: text.length }, (_, index) => index);
    // In a long response, most positions are alike.
    const tried = text.length < 600 ? at : at.filter((cut) => cut < 60 || cut % 97 === 0);
    for (const cut of tried) {
      if (told(read(text, method, [cut])) !== whole) throw new Error(`${name}, cut at ${cut}`);
    }
    if (told(read(text, method, at)) !== whole) throw new Error(`${name}, cut everywhere`);
  }
});

/** Text that is changed, truncated, doubled or moved at random positions. */
function mutate(text: string, random: Random): string {
  let mutated = text;
  for (let count = random.below(4); count >= 0; count--) {
    const at = random.below(mutated.length + 1);
    const to = Math.min(mutated.length, at + random.below(12));
    const piece = mutated.slice(at, to);
    const other = random.pick([
      "",
      piece + piece,
      "\r\n",
      "\n",
      "\r",
      ":",
      "0",
      "5",
      ";",
      " ",
      "\u0000",
      "Content-Length: 7\r\n",
      "Transfer-Encoding: chunked\r\n",
      "\r\n\r\n",
      "HTTP/1.1 200 OK\r\n",
      "0\r\n\r\n",
      String.fromCharCode(random.below(256)),
      piece.split("").toReversed().join(""),
    ]);
    mutated = mutated.slice(0, at) + other + mutated.slice(to);
  }
  return mutated;
}

/** The response to the second request of a connection. No part of it may be delivered for the first. */
const second = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nSECOND!!";

const RUNS = 20_000;

test("20,000 broken responses each end once, and none reaches the next request", () => {
  const random = seeded(19);
  const short = corpus.filter(({ text }) => text.length < 400);
  const valid = short.filter(({ text, method }) => read(text, method, []).isComplete);
  let persistent = 0;
  let completed = 0;
  for (let run = 0; run < RUNS; run++) {
    // Every other response was valid, and may still be.
    const cases = run % 2 === 0 ? short : valid;
    const { text, method } = cases[run % cases.length] ?? { text: "", method: "GET" };
    const bytes = bytesOf(mutate(text, random));
    const memory = new MemoryConnection();
    const first = memory.ask(method);
    for (let at = 0; at < bytes.length;) {
      const to = at + 1 + random.below(bytes.length);
      memory.wire.arriveBytes(bytes.slice(at, to));
      at = to;
    }
    if (first.isComplete && memory.gone === 0) {
      persistent += 1;
      // All bytes belonged to the first response, so the second must be complete.
      const next = memory.ask();
      memory.wire.arrive(second);
      if (next.body !== "SECOND!!" || !next.isComplete) throw new Error(`run ${run}: the second`);
    }
    memory.wire.end();
    memory.wire.close();
    if (first.isComplete) completed += 1;
    if (first.ends !== 1) throw new Error(`run ${run}: it ended ${first.ends} times`);
    if (first.body.includes("SECOND")) throw new Error(`run ${run}: it has what is not its own`);
    if (memory.gone !== 1) throw new Error(`run ${run}: the connection is kept`);
  }
  // Not everything is rejected, which would prove nothing.
  expect(completed).toBeGreaterThan(RUNS / 20);
  expect(persistent).toBeGreaterThan(RUNS / 100);
});
