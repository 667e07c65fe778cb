/**
 * A source that maps the values of another source.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ReanchorEvent } from "../../../src/events.ts";
import { fallbackSource, mapSource } from "../../../src/sources/mapped-source.ts";
import { createScriptedSource } from "../support/scripted-source.ts";

describe("mapSource()", () => {
  test("returns the same object for the same value, and another object for another value", async () => {
    const { source, clock, ...script } = createScriptedSource();
    const view = mapSource(source, { kind: "token", map: ({ text }) => ({ length: text.length }) });
    expect(view.peek()).toBeUndefined();
    const first = await view.current();
    expect(await view.current()).toBe(first);
    expect(view.peek()).toBe(first);
    expect(view.status).toEqual({ ...source.status, kind: "token" });
    expect(script.reads).toHaveLength(1);
    await clock.advance(100);
    expect(await view.reload()).toBe(first); // The same content.
  });

  test("has a fresh value if the source has one, and never the result of an older value", async () => {
    const script = createScriptedSource();
    const view = mapSource(script.source, {
      kind: "token",
      map: ({ text }) => ({ length: text.length }),
    });
    expect(view.fresh?.()).toBeUndefined();
    const first = await view.current();
    expect(view.fresh?.()).toBe(first);
    script.content = "another text";
    await script.clock.advance(60_000);
    expect(view.fresh?.()).toBeUndefined();
    await script.source.current();
    expect(view.fresh?.()).toBeUndefined(); // The result of the mapping is not known yet.
    const second = await view.current();
    expect(second).toEqual({ length: 12 });
    expect(view.fresh?.()).toBe(second);
  });

  test("emits the source's events, unless it is silent", async () => {
    const script = createScriptedSource();
    const heard: string[] = [];
    const listen = (name: string) => (event: ReanchorEvent) =>
      void heard.push(`${name} ${event.type}`);
    mapSource(script.source, { kind: "token", map: (value) => value }).subscribe(listen("loud"));
    mapSource(script.source, { kind: "token", map: (value) => value, isSilent: true }).subscribe(
      listen("silent"),
    );
    await script.source.current();
    script.content = new Error("gone");
    await script.clock.advance(60_000);
    await script.source.current();
    expect(heard).toEqual(["loud reload-failed"]);
  });
});

describe("fallbackSource()", () => {
  test("returns the preferred value, and the other source's if that was never loaded", async () => {
    const preferred = createScriptedSource();
    const other = createScriptedSource();
    other.content = "other";
    preferred.content = new Error("gone");
    const source = fallbackSource(preferred.source, other.source);
    expect(await source.current()).toEqual({ text: "other" });
    expect(source.peek()).toEqual({ text: "other" });
    expect(source.fresh?.()).toBeUndefined(); // The preferred source may have a value by now.
    preferred.content = "preferred";
    await preferred.clock.advance(1_000);
    expect(await source.reload()).toEqual({ text: "preferred" });
    expect(source.peek()).toEqual({ text: "preferred" });
    expect(source.fresh?.()).toEqual({ text: "preferred" });
    expect(source.status).toEqual(preferred.source.status);
  });

  test("throws the preferred source's error if neither has a value, and the signal's reason", async () => {
    const preferred = createScriptedSource();
    const other = createScriptedSource();
    preferred.content = new Error("first");
    other.content = new Error("second");
    const source = fallbackSource(preferred.source, other.source);
    await expect(source.current()).rejects.toThrow(/first/);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(source.current({ signal })).rejects.toThrow("enough");
  });
});
