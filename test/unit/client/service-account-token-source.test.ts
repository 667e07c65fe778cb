import { describe, expect, test } from "vitest";
import { bindServiceAccountTokenSource } from "../../../src/client/service-account-token-source.ts";
import type { ReanchorEvent } from "../../../src/events.ts";
import { rejection } from "../../support/rejection.ts";
import { connectFake } from "../support/fake-cluster.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";

interface Asked {
  readonly path: string;
  readonly body: { readonly kind: string; readonly spec: object };
}

async function start(granted?: number) {
  const asked: Asked[] = [];
  let refusal: Response | undefined;
  const { kube } = await connectFake([], ({ path, body }) => {
    asked.push({ path, body: JSON.parse(body) as Asked["body"] });
    if (refusal !== undefined) return refusal.clone();
    return { spec: { expirationSeconds: granted }, status: { token: `token-${asked.length}` } };
  });
  const runtime = createFakeRuntime();
  const create = bindServiceAccountTokenSource(runtime);
  return {
    asked,
    clock: runtime.clock,
    refuse: (answer: Response | undefined) => void (refusal = answer),
    source: create(kube, { name: "builder", namespace: "shop", audience: "registry" }),
    create,
    kube,
  };
}

describe("serviceAccountTokenSource()", () => {
  test("requests a token for an audience, and a new one after 80 % of its lifetime", async () => {
    const { source, asked, clock } = await start();
    expect(await source.current()).toBe("token-1");
    expect(asked).toEqual([
      {
        path: "/api/v1/namespaces/shop/serviceaccounts/builder/token",
        body: {
          apiVersion: "authentication.k8s.io/v1",
          kind: "TokenRequest",
          spec: { audiences: ["registry"], expirationSeconds: 3_600 },
        },
      },
    ]);
    await clock.advance(2_879_000);
    expect(await source.current()).toBe("token-1");
    await clock.advance(2_000);
    expect(await source.current()).toBe("token-2");
  });

  test("uses the lifetime that the server grants", async () => {
    const { source, clock } = await start(600);
    await source.current();
    await clock.advance(481_000);
    expect(await source.current()).toBe("token-2");
  });

  test("keeps the last token if the server rejects a request, and reports it", async () => {
    const { source, clock, refuse } = await start();
    const events: ReanchorEvent[] = [];
    source.subscribe((event) => events.push(event));
    await source.current();
    refuse(
      Response.json(
        { kind: "Status", message: "no", reason: "Forbidden", code: 403 },
        { status: 403 },
      ),
    );
    await clock.advance(2_881_000);
    expect(await source.current()).toBe("token-1");
    expect(events).toMatchObject([{ type: "reload-failed", kind: "token" }]);
    expect(source.status.lastError).toContain(
      "Cannot load token from TokenRequest of ServiceAccount shop/builder: Cannot POST",
    );
    refuse(undefined);
    await clock.advance(60_000);
    expect(await source.current()).toBe("token-3");
  });

  test("rejects an invalid client, name or time", async () => {
    const { create, kube, refuse, source } = await start();
    expect(() => create({} as never, { name: "a" })).toThrow("expected a client, not an object");
    expect(() => create(kube, { name: "a/b" })).toThrow("Cannot use name");
    expect(() => create(kube, { name: "a", expirationSeconds: 60 })).toThrow(RangeError);
    refuse(Response.json({ status: {} }));
    expect(await rejection(source.current())).toMatchObject({ code: "ERR_REANCHOR_SOURCE" });
  });
});
