/**
 * The reload engine's `reload()`, which a rejected request calls.
 *
 * @module
 */

import { expect, test } from "vitest";
import { createScriptedSource, settle, watch } from "../support/scripted-source.ts";

test("reload() reads even if the value is young", async () => {
  const script = createScriptedSource();
  await script.source.current();
  await script.clock.advance(100);
  script.content = "second";
  expect(await script.source.reload()).toEqual({ text: "second" });
  expect(script.reads).toHaveLength(2);
  expect(await script.source.current()).toEqual({ text: "second" });
});

test("reload() reads even during a backoff", async () => {
  const script = createScriptedSource();
  await script.source.current();
  script.content = new Error("gone");
  await script.clock.advance(60_000);
  await script.source.current();
  await script.clock.advance(100);
  script.content = "second";
  expect(await script.source.reload()).toEqual({ text: "second" });
});

test("reload() waits for the rest of the cooldown since the last read began", async () => {
  const script = createScriptedSource({ cooldownMs: 500 });
  await script.source.current();
  await script.clock.advance(200);
  script.content = "second";
  const reloaded = watch(script.source.reload());
  await script.clock.advance(299);
  expect(script.reads).toHaveLength(1);
  expect(reloaded.settled).toBe(false);
  await script.clock.advance(1);
  expect(script.reads).toHaveLength(2);
  expect(reloaded.value).toEqual({ text: "second" });
  expect(script.clock.pending).toBe(0);
});

test("reload() reads once for any number of callers within a cooldown", async () => {
  const script = createScriptedSource();
  await script.source.current();
  const callers = Array.from({ length: 100 }, () => script.source.reload());
  await script.clock.advance(100);
  await Promise.all(callers);
  expect(script.reads).toHaveLength(2);
});

test("reload() reads at most once a cooldown when callers keep asking", async () => {
  const script = createScriptedSource();
  await script.source.current();
  for (let elapsed = 0; elapsed < 1_000; elapsed += 10) {
    void watch(script.source.reload());
    await script.clock.advance(10);
  }
  expect(script.reads.length).toBeLessThanOrEqual(11);
  expect(script.reads.length).toBeGreaterThanOrEqual(10);
});

test("reload() starts a new read when one has begun before the call", async () => {
  const script = createScriptedSource();
  script.content = undefined;
  const current = watch(script.source.current());
  await script.clock.advance(100);
  const reloaded = watch(script.source.reload());
  await settle(script.clock);
  expect(script.reads).toHaveLength(1); // Never two at a time.
  script.reads[0]?.succeed("as it was");
  await settle(script.clock);
  expect(current.value).toEqual({ text: "as it was" });
  expect(reloaded.settled).toBe(false);
  expect(script.reads).toHaveLength(2);
  script.reads[1]?.succeed("as it is");
  await settle(script.clock);
  expect(reloaded.value).toEqual({ text: "as it is" });
});

test("reload() starts a new read when another reload's read has begun before the call", async () => {
  const script = createScriptedSource();
  await script.source.current();
  await script.clock.advance(100);
  script.content = undefined;
  const first = watch(script.source.reload());
  await script.clock.advance(100);
  const second = watch(script.source.reload());
  script.reads[1]?.succeed("second");
  await settle(script.clock);
  expect(first.value).toEqual({ text: "second" });
  expect(second.settled).toBe(false);
  script.reads[2]?.succeed("third");
  await settle(script.clock);
  expect(second.value).toEqual({ text: "third" });
  expect(script.reads).toHaveLength(3);
});

test("reload() continues when the earlier read in flight fails", async () => {
  const script = createScriptedSource();
  script.content = undefined;
  const current = watch(script.source.current());
  await script.clock.advance(100);
  const reloaded = script.source.reload();
  await settle(script.clock);
  script.reads[0]?.fail(new Error("gone"));
  script.content = "first";
  expect(await reloaded).toEqual({ text: "first" });
  expect(current.error).toBeInstanceOf(Error);
});

test("current() joins a reload that waits for its cooldown when the value has aged meanwhile", async () => {
  const script = createScriptedSource({ reloadIntervalMs: 50, cooldownMs: 100 });
  await script.source.current();
  const reloaded = watch(script.source.reload());
  await script.clock.advance(60);
  script.content = "second";
  const current = watch(script.source.current());
  await script.clock.advance(40);
  expect(script.reads).toHaveLength(2);
  expect(current.value).toBe(reloaded.value);
  expect(current.value).toEqual({ text: "second" });
});

test("reload() keeps the last good value when the read fails", async () => {
  const script = createScriptedSource();
  const first = await script.source.current();
  await script.clock.advance(100);
  script.content = new Error("gone");
  expect(await script.source.reload()).toBe(first);
  expect(script.source.status.failures).toBe(1);
  expect(script.events).toMatchObject([{ type: "reload-failed" }]);
});

test("reload() throws when nothing was ever loaded", async () => {
  const script = createScriptedSource();
  script.content = new Error("no such file");
  await expect(script.source.reload()).rejects.toThrow(
    /^Cannot load CA bundle from script: no such/,
  );
});

test("reload() ends its wait at once when it is aborted in its cooldown, and the timer with the last caller", async () => {
  const script = createScriptedSource();
  await script.source.current();
  const controllers = [new AbortController(), new AbortController()] as const;
  const waits = controllers.map(({ signal }) => watch(script.source.reload({ signal })));
  await settle(script.clock);
  expect(script.clock.pending).toBe(1);
  controllers[0].abort(new Error("enough"));
  await settle(script.clock);
  expect(waits[0]?.error).toBe(controllers[0].signal.reason);
  expect(waits[1]?.settled).toBe(false);
  expect(script.clock.pending).toBe(1);
  controllers[1].abort(new Error("enough"));
  await settle(script.clock);
  expect(waits[1]?.settled).toBe(true);
  expect(script.clock.pending).toBe(0);
  await script.clock.advance(1_000);
  expect(script.reads).toHaveLength(1);
});

test("reload() works again after all earlier callers have left", async () => {
  const script = createScriptedSource();
  await script.source.current();
  const controller = new AbortController();
  const givenUp = watch(script.source.reload({ signal: controller.signal }));
  controller.abort();
  const reloaded = watch(script.source.reload());
  script.content = "second";
  await script.clock.advance(100);
  expect(givenUp.error).toBe(controller.signal.reason);
  expect(reloaded.value).toEqual({ text: "second" });
});

test("reload() leaves no timer when it is aborted during the read", async () => {
  const script = createScriptedSource();
  await script.source.current();
  await script.clock.advance(100);
  script.content = undefined;
  const controller = new AbortController();
  const wait = watch(script.source.reload({ signal: controller.signal }));
  await settle(script.clock);
  expect(script.clock.pending).toBe(1);
  controller.abort();
  await settle(script.clock);
  expect(wait.settled).toBe(true);
  expect(script.clock.pending).toBe(0);
});

test("reload() rejects a signal that is already aborted", async () => {
  const script = createScriptedSource();
  const reason = new Error("enough");
  await expect(script.source.reload({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(script.reads).toHaveLength(0);
});

test("reload() joins a read that began after the time that its caller passes", async () => {
  const script = createScriptedSource();
  await script.source.current();
  await script.clock.advance(200);
  const since = script.clock.now();
  script.content = undefined;
  const first = watch(script.source.reload({ since }));
  await settle(script.clock);
  const second = watch(script.source.reload({ since }));
  const later = watch(script.source.reload({ since: since + 1 }));
  script.reads[1]?.succeed("second");
  await settle(script.clock);
  expect([first.value, second.value]).toEqual([{ text: "second" }, { text: "second" }]);
  expect(later.settled).toBe(false); // Its read has to begin after that.
  expect(await script.source.reload({ since })).toEqual({ text: "second" });
  expect(script.reads).toHaveLength(2);
});
