import { describe, expect, test } from "vitest";
import { bunRuntime } from "../../../runtimes/bun/runtime.ts";
import { denoRuntime } from "../../../runtimes/deno/runtime.ts";
import { createEdgeRuntime } from "../../../runtimes/edge/runtime.ts";
import { nodeRuntime } from "../../../runtimes/node/runtime.ts";
import { ConfigError } from "../../../src/errors.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { type Http, chooseHttp } from "../../../src/transport/http-way.ts";

const edgeRuntime = createEdgeRuntime({ send: async () => new Response() });
/** Deno's declaration, for use on other runtimes too. */
const deno = Object.defineProperties({} as Runtime, {
  ...Object.getOwnPropertyDescriptors(denoRuntime),
  userAgent: { value: "deno/2", enumerable: true },
});
const withSockets = [nodeRuntime, deno, bunRuntime];

describe("chooseHttp()", () => {
  test.each([...withSockets, edgeRuntime])("uses the HTTP of $name by default", (runtime) => {
    expect(chooseHttp(runtime, undefined, {})).toEqual({ runtime, http: "runtime" });
    expect(chooseHttp(runtime, "runtime", {}).runtime).toBe(runtime);
  });

  test.each(withSockets)("uses the sockets of $name if asked to", (runtime) => {
    const chosen = chooseHttp(runtime, "sockets", {});
    expect(chosen.http).toBe("sockets");
    expect(chosen.runtime).toMatchObject(runtime.sockets ?? {});
    expect(chosen.runtime.capabilities).toMatchObject({ customCa: "exclusive", http2: false });
    expect(chosen.runtime.conflict).toBeUndefined();
  });

  test("rejects sockets on edge, which has none", () => {
    expect(() => chooseHttp(edgeRuntime, "sockets", {})).toThrow(ConfigError);
    expect(() => chooseHttp(edgeRuntime, "sockets", {})).toThrow(
      /^Cannot use option http on edge: it gives no sockets/,
    );
  });

  test.each([
    ["exclusiveTrust", true],
    ["insecureSkipTlsVerify", true],
    ["repeatsHeaders", true],
    ["serverIdentity", () => true],
    ["serverName", "server.test"],
  ])(
    "uses sockets on Deno if %s needs them, and then rejects the runtime's HTTP",
    (name, value) => {
      const used = { [name]: value };
      expect(chooseHttp(deno, undefined, used).http).toBe("sockets");
      expect(() => chooseHttp(deno, "runtime", used)).toThrow(ConfigError);
      expect(() => chooseHttp(deno, "runtime", used)).toThrow(/set it to "sockets"$/);
      for (const runtime of [nodeRuntime, bunRuntime]) {
        expect(chooseHttp(runtime, "runtime", used).http).toBe("runtime");
      }
    },
  );

  test.each(["http", "", null, 1])("rejects the invalid choice %j", (wrong) => {
    expect(() => chooseHttp(nodeRuntime, wrong as unknown as Http, {})).toThrow(
      /^Cannot use option http: expected "runtime" or "sockets", not /,
    );
  });
});
