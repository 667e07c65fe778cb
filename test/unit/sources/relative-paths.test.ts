/**
 * File sources with relative paths. The paths are relative to the working folder at the time when the source
 * was created.
 *
 * @module
 */

import { expect, test } from "vitest";
import { bindFileCaSource } from "../../../src/sources/ca-source.ts";
import { bindFileClientCertSource } from "../../../src/sources/client-cert-source.ts";
import { bindFileTokenSource } from "../../../src/sources/token-source.ts";
import type { Runtime } from "../../../src/runtime.ts";
import type { Source } from "../../../src/sources/source.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";

const files = { certificate: "pki/tls.crt", key: "./pki/tls.key" };

test.each<[string, (runtime: Runtime) => Source<unknown>, string, string[]]>([
  [
    "bindFileCaSource()",
    (runtime) => bindFileCaSource(runtime)("pki/ca.crt"),
    "file /work/pki/ca.crt",
    ["/work/pki/ca.crt"],
  ],
  [
    "bindFileTokenSource()",
    (runtime) => bindFileTokenSource(runtime)("../token"),
    "file /token",
    ["/token"],
  ],
  [
    "bindFileClientCertSource()",
    (runtime) => bindFileClientCertSource(runtime)(files),
    "files /work/pki/tls.crt and /work/pki/tls.key",
    ["/work/pki/tls.crt", "/work/pki/tls.key"],
  ],
])(
  "%s reads the same files after the process has changed its folder",
  async (_, create, source, paths) => {
    const runtime = createFakeRuntime();
    for (const path of paths) runtime.disk.set(path, "not looked at here");
    runtime.folder = "/work";
    const created = create(runtime);
    runtime.folder = "/elsewhere";
    expect(created.status.source).toBe(source);
    await created.current().catch(() => {});
    expect(new Set(runtime.reads)).toEqual(new Set(paths));
  },
);
