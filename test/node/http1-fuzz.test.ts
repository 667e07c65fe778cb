/**
 * Damaged responses given to three HTTP/1.1 parsers: ours, undici and `node:http`. What ours accepts, the other two
 * accept and read in the same way, and the connection then takes the next response.
 *
 * `REANCHOR_HTTP1_FUZZ=<seed>:<runs>` runs one seed for that many responses, and prints statistics.
 *
 * @module
 */

import { expect, test } from "vitest";
import { type CorpusCase, corpus } from "../support/http1-corpus.ts";
import { type Random, seeded } from "../support/random.ts";
import { mutate } from "./support/http1-mutations.ts";
import {
  type RawResponse,
  type Reading,
  lengthByOurs,
  readByNode,
  readByOurs,
  readByUndici,
  readNextByOurs,
} from "./support/http1-parsers.ts";

const RUNS = 5_000;
const own = process.env["REANCHOR_HTTP1_FUZZ"];
const [seed = 19, runs = RUNS] = own?.split(":").map(Number) ?? [];
/** Above this, a response takes longer than it is worth. */
const MAX_LENGTH = 700;

/**
 * What RFC 9110 and 9112 allow but one of the others rejects, and the same response without it, which they accept.
 */
const lawful: Readonly<Record<string, (response: RawResponse) => string>> = {
  "more bytes than announced: the response is whole, and its connection ends": (response) =>
    response.text.slice(0, lengthByOurs(response)),
  "blanks after a length, which undici takes for a part of it": ({ text }) =>
    text.replace(/^(content-length:[ \t]*\d+)[ \t]+\r$/gim, "$1\r"),
  "a tab after a transfer encoding, which both take for a part of it": ({ text }) =>
    text.replace(/^(transfer-encoding:[ \t]*chunked)[ \t]+\r$/gim, "$1\r"),
  "a 100 that nobody asked for, which a client has to skip": ({ text }) =>
    text.replaceAll(/(?<=^|\r\n\r\n)HTTP\/1\.1 100(?=[ \r])/g, "HTTP/1.1 103"),
};

const short = corpus.filter(({ text }) => text.length < MAX_LENGTH);
const valid = short.filter((response) => readByOurs(response) !== "rejected");

/** How the parsers judged all responses. */
interface Statistics {
  runs: number;
  accepted: number;
  rejectedByUndici: number;
  rejectedByNode: number;
  rejectedByOurs: number;
  /** Accepted by both of the others. */
  rejectedByOursAlone: number;
  /** Accepted by ours, and needing one of {@link lawful}. */
  lawful: number;
}

test(
  "every damaged response that ours accepts is read as by undici and node:http",
  async () => {
    const random = seeded(seed);
    const counts: Statistics = {
      runs: 0,
      accepted: 0,
      rejectedByUndici: 0,
      rejectedByNode: 0,
      rejectedByOurs: 0,
      rejectedByOursAlone: 0,
      lawful: 0,
    };
    for (; counts.runs < runs; counts.runs += 1) {
      const response = damaged(random);
      const wrong = await check(response, counts);
      if (wrong !== undefined) {
        throw new Error(`${wrong} (seed ${seed}, run ${counts.runs}): ${JSON.stringify(response)}`);
      }
    }
    if (own !== undefined) console.log(JSON.stringify(counts));
    // Not everything is rejected, which would prove nothing.
    expect(counts.accepted).toBeGreaterThan(counts.runs / 10);
  },
  120_000 + runs * 20,
);

test("a valid response that is truncated anywhere is read as by undici and node:http", async () => {
  let accepted = 0;
  for (const { text, method } of valid.filter((response) => response.text.length < 200)) {
    for (let length = 0; length < text.length; length++) {
      const response = { text: text.slice(0, length), method };
      const wrong = await check(response);
      if (wrong !== undefined) throw new Error(`${wrong}: ${JSON.stringify(response)}`);
      if (readByOurs(response) !== "rejected") accepted += 1;
    }
  }
  // Those whose bodies end with the connection.
  expect(accepted).toBeGreaterThan(0);
}, 120_000);

/** A damaged response, in pieces. Three of four were valid, and may still be. */
function damaged(random: Random): RawResponse {
  const cases = random.below(4) === 0 ? short : valid;
  const { text: whole, method } = random.pick(cases as [CorpusCase, ...CorpusCase[]]);
  const text = mutate(whole, random);
  const cuts = Array.from({ length: random.below(4) }, () => random.below(text.length + 1));
  return { text, method, cuts: cuts.toSorted((a, b) => a - b) };
}

/** What is wrong with the way that ours reads a response; `undefined` if nothing is. */
async function check(response: RawResponse, counts?: Statistics): Promise<string | undefined> {
  const ours = readByOurs(response);
  const everywhere = Array.from(response.text, (_, at) => at);
  if (!same(ours, readByOurs({ ...response, cuts: everywhere }))) {
    return "it is read in another way if it is cut elsewhere";
  }
  const next = readNextByOurs(response);
  if (next !== "none" && next !== "its own") return `the next response is ${next}`;

  const [undici, node] = await Promise.all([readByUndici(response), readByNode(response)]);
  if (counts !== undefined) {
    if (ours !== "rejected") counts.accepted += 1;
    if (undici === "rejected") counts.rejectedByUndici += 1;
    if (node === "rejected") counts.rejectedByNode += 1;
    if (ours === "rejected") counts.rejectedByOurs += 1;
    if (ours === "rejected" && undici !== "rejected" && node !== "rejected") {
      counts.rejectedByOursAlone += 1;
    }
  }
  if (ours === "rejected" || (same(ours, undici) && same(ours, node))) return undefined;

  if (counts !== undefined) counts.lawful += 1;
  let { text } = response;
  for (const without of Object.values(lawful)) text = without({ ...response, text });
  const plain = { ...response, text, cuts: [] };
  const others = await Promise.all([readByUndici(plain), readByNode(plain)]);
  if (others.every((other) => same(ours, other))) return undefined;
  return `ours reads ${JSON.stringify(ours)}, undici and node:http ${JSON.stringify(others)}`;
}

function same(a: Reading, b: Reading): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
