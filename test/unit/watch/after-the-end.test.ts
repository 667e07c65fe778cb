/**
 * Nothing is delivered after an end, even if it has already been received. A page of a list, or a chunk of a
 * watch or a log, contains hundreds of events.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import { ClosedError } from "../../../src/errors.ts";
import { type Things, bindThings } from "../support/bound-things.ts";
import {
  type ScriptedAnswer,
  type ScriptedClient,
  Stream,
  aThing,
  createScriptedClient,
  initialEnd,
  listOf,
  refused,
} from "../support/scripted-client.ts";

const COUNT = 450;
const many = Array.from({ length: COUNT }, (_, index) => aThing(`a${index}`, index + 1));

/** All of them in one chunk. */
function inOnePiece(lines: readonly string[]): Stream {
  return new Stream().write(lines.map((line) => `${line}\n`).join(""));
}

const eventLines = many.map((object) => JSON.stringify({ type: "ADDED", object }));

const received: readonly (readonly [what: string, answers: () => ScriptedAnswer[]])[] = [
  ["a piece of a watch", () => [inOnePiece(eventLines)]],
  ["a page of a list", () => [refused(422, "Invalid"), listOf(COUNT, many)]],
];

/** A client, and the ways to end its operations. */
interface Ends {
  readonly client: ScriptedClient;
  readonly things: Things;
  readonly abort: AbortController;
}

function bind(answers: readonly ScriptedAnswer[]): Ends {
  const client = createScriptedClient();
  client.answer(...answers);
  onTestFinished(() => client.close(new ClosedError()));
  const things = bindThings(client);
  return { client, things, abort: new AbortController() };
}

const ways: readonly (readonly [what: string, end: (ends: Ends) => void])[] = [
  ["abort()", ({ abort }) => abort.abort(new Error("enough"))],
  ["close()", ({ client }) => client.close(new ClosedError())],
];

describe.each(ways)("after %s", (_end, end) => {
  test.each(received)("watch() emits nothing of %s", async (_what, answers) => {
    const ends = bind(answers());
    let told = 0;
    let toldAfter = 0;
    const following = (async () => {
      for await (const event of ends.things.watch({ signal: ends.abort.signal })) {
        if (told === 3) toldAfter += 1;
        else if (event.type === "added" && ++told === 3) end(ends);
      }
    })();
    await expect(following).rejects.toThrow();
    expect([told, toldAfter]).toEqual([3, 0]);
  });

  test.each(received)(
    "watch() emits nothing of %s that has not been requested",
    async (_what, answers) => {
      const ends = bind(answers());
      const events = ends.things.watch({ signal: ends.abort.signal });
      await events.next();
      end(ends);
      await expect(events.next()).rejects.toThrow();
    },
  );

  test.each(received)("informer() calls no handler with %s", async (_what, answers) => {
    const ends = bind(answers());
    const informer = ends.things.informer({ signal: ends.abort.signal });
    const told = { first: 0, second: 0 };
    informer.on({
      added() {
        told.first += 1;
        if (told.first === 3) end(ends);
      },
    });
    informer.on({ added: () => void (told.second += 1) });
    await expect(informer.ended).rejects.toThrow();
    // The second handler had not been called with the third object yet.
    expect(told).toEqual({ first: 3, second: 2 });
  });

  test("informer() calls no handler again with its objects", async () => {
    const ends = bind([inOnePiece(eventLines).send("BOOKMARK", initialEnd(COUNT))]);
    const options = { signal: ends.abort.signal, resyncIntervalMs: 1_000 };
    const informer = ends.things.informer(options);
    await informer.synced();
    let modified = 0;
    informer.on({
      modified() {
        modified += 1;
        if (modified === 3) end(ends);
      },
    });
    await ends.client.clock.advance(1_000);
    await ends.client.clock.advance(1_000);
    expect(modified).toBe(3);
    let added = 0;
    informer.on({ added: () => void (added += 1) });
    expect(added).toBe(0);
    expect(ends.client.clock.pending).toBe(0);
  });

  test("waitFor() does not call its condition", async () => {
    const ends = bind([inOnePiece(eventLines)]);
    let asked = 0;
    const waiting = ends.things.waitFor(
      "a",
      () => {
        asked += 1;
        if (asked === 3) end(ends);
        return false;
      },
      { signal: ends.abort.signal },
    );
    await expect(waiting).rejects.toThrow();
    expect(asked).toBe(3);
  });

  test.each([false, true])("logs() returns no line, follow: %s", async (follow) => {
    const lines = many.map((_, index) => `2026-01-01T00:00:00.${1_000 + index}Z line ${index}`);
    const ends = bind([inOnePiece(lines)]);
    let told = 0;
    const reading = (async () => {
      for await (const line of ends.things.logs("a", { follow, signal: ends.abort.signal })) {
        if (line.startsWith("line") || !follow) told += 1;
        if (told === 3) end(ends);
      }
    })();
    await expect(reading).rejects.toThrow();
    expect(told).toBe(3);
  });
});

test.each(received)("informer() calls no handler with %s after stop()", async (_what, answers) => {
  const ends = bind(answers());
  const informer = ends.things.informer();
  let told = 0;
  let stopped: Promise<void> | undefined;
  informer.on({
    added() {
      told += 1;
      if (told === 3) stopped = informer.stop();
    },
  });
  await informer.ended;
  await stopped;
  expect(told).toBe(3);
});

test("informer.on() stops calling a handler that stops the informer", async () => {
  const { things } = bind([inOnePiece(eventLines).send("BOOKMARK", initialEnd(COUNT))]);
  const informer = things.informer();
  await informer.synced();
  let told = 0;
  informer.on({
    added() {
      told += 1;
      if (told === 3) void informer.stop();
    },
  });
  expect(told).toBe(3);
});

test.each(received)("watch() emits nothing of %s after return()", async (_what, answers) => {
  const { things } = bind(answers());
  const events = things.watch();
  await events.next();
  const ended = events.return();
  const after = await Promise.all([events.next(), events.next(), ended]);
  expect(after.map(({ done }) => done)).toEqual([true, true, true]);
});
