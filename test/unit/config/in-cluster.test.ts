/**
 * The config of a pod in its cluster. The cases are those of client-go's `rest/config.go` and kube-rs's
 * `incluster_config.rs`.
 *
 * @module
 */

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { loadInCluster } from "../../../src/config/in-cluster.ts";
import { ConfigError, SourceError } from "../../../src/errors.ts";
import { staticCaSource } from "../../../src/sources/ca-source.ts";
import { createFixedSource } from "../../../src/sources/fixed-source.ts";
import { staticTokenSource } from "../../../src/sources/token-source.ts";
import { rejection } from "../../support/rejection.ts";
import { anchorPem, pemBlock } from "../support/certificates.ts";
import {
  type FakeRuntime,
  createFakeRuntime,
  createPodRuntime,
  serviceAccountFolder,
} from "../support/fake-runtime.ts";

const root = serviceAccountFolder;
const ca = anchorPem();

async function refusal(runtime: FakeRuntime): Promise<ConfigError> {
  const error: unknown = await loadInCluster(runtime).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConfigError)) throw new Error(`no ConfigError but ${String(error)}`);
  return error;
}

describe("loadInCluster() makes the server's URL", () => {
  test.each([
    [
      "a host name and a port",
      "kubernetes.default.svc",
      "6443",
      "https://kubernetes.default.svc:6443",
    ],
    ["the default port, which is left out", "kubernetes", "443", "https://kubernetes"],
    ["IPv4", "10.96.0.1", "6443", "https://10.96.0.1:6443"],
    ["IPv6, bracketed", "2001:db8::1", "6443", "https://[2001:db8::1]:6443"],
    ["IPv6, compressed", "2001:0db8:0000:0000:0000:0000:0000:0001", "443", "https://[2001:db8::1]"],
    ["IPv6 that comes in brackets", "[fd00::1]", "443", "https://[fd00::1]"],
    ["IPv6 with an IPv4 tail", "::ffff:10.0.0.1", "443", "https://[::ffff:a00:1]"],
    ["white space around both", " 10.96.0.1\n", " 443 ", "https://10.96.0.1"],
  ])("from %s", async (_, host, port, expected) => {
    const runtime = createPodRuntime();
    runtime.variables.set("KUBERNETES_SERVICE_HOST", host);
    runtime.variables.set("KUBERNETES_SERVICE_PORT", port);
    expect((await loadInCluster(runtime)).server).toBe(expected);
  });

  test.each([
    "a/b",
    "user@host",
    "host:1",
    "ho st",
    "host?",
    "host#",
    "10.0.0.256",
    "fe80::1%eth0",
    "::g",
    "é",
    "[::1",
    "https://host",
  ])("not from the host %j", async (host) => {
    const runtime = createPodRuntime();
    runtime.variables.set("KUBERNETES_SERVICE_HOST", host);
    const { message } = await refusal(runtime);
    expect(message).toContain("KUBERNETES_SERVICE_HOST is neither a host name nor an IP address");
  });

  test.each(["0", "65536", "-1", "4 43", "https", "443/x", "1e3", "0x1bb", "443.0"])(
    "not from the port %j",
    async (port) => {
      const runtime = createPodRuntime();
      runtime.variables.set("KUBERNETES_SERVICE_PORT", port);
      const { message } = await refusal(runtime);
      expect(message).toContain("KUBERNETES_SERVICE_PORT is not a port number");
      expect(message).not.toContain("KUBERNETES_SERVICE_HOST");
    },
  );
});

test("loadInCluster() returns sources that have loaded, and that reload", async () => {
  const runtime = createPodRuntime();
  const config = await loadInCluster(runtime);
  expect(config.ca?.peek()?.certificates).toEqual([ca]);
  expect(config.token?.peek()).toBe("sesame");
  expect(config.ca?.status.source).toBe(`file ${root}/ca.crt`);
  runtime.disk.set(`${root}/token`, "sesame-2");
  await runtime.clock.advance(60_000);
  expect(await config.token?.current()).toBe("sesame-2");
});

test("loadInCluster() passes on the source options", async () => {
  const runtime = createPodRuntime();
  const { token } = await loadInCluster(runtime, { reloadIntervalMs: 1_000 });
  runtime.disk.set(`${root}/token`, "sesame-2");
  await runtime.clock.advance(1_000);
  expect(await token?.current()).toBe("sesame-2");
  await expect(loadInCluster(runtime, { reloadIntervalMs: -1 })).rejects.toThrow(RangeError);
});

test("loadInCluster() reads another root, with or without a final slash", async () => {
  const runtime = createPodRuntime();
  runtime.disk.set("/mnt/sa/ca.crt", ca);
  runtime.disk.set("/mnt/sa/token", "other");
  runtime.disk.set("/mnt/sa/namespace", "elsewhere");
  for (const other of ["/mnt/sa", "/mnt/sa/"]) {
    const config = await loadInCluster(runtime, { root: other });
    expect(config.token?.peek()).toBe("other");
    expect(config.namespace).toBe("elsewhere");
  }
  expect(runtime.reads.filter((path) => path.startsWith(root))).toEqual([]);
});

describe("loadInCluster() takes the namespace", () => {
  test("from POD_NAMESPACE, then the file, trimmed, then default", async () => {
    const runtime = createPodRuntime();
    runtime.variables.set("POD_NAMESPACE", " from-env\n");
    runtime.disk.set(`${root}/namespace`, " from-file\n");
    expect((await loadInCluster(runtime)).namespace).toBe("from-env");
    runtime.variables.set("POD_NAMESPACE", " ");
    expect((await loadInCluster(runtime)).namespace).toBe("from-file");
    runtime.variables.delete("POD_NAMESPACE");
    expect((await loadInCluster(runtime)).namespace).toBe("from-file");
    runtime.disk.set(`${root}/namespace`, "\n");
    expect((await loadInCluster(runtime)).namespace).toBe("default");
    runtime.disk.delete(`${root}/namespace`);
    expect((await loadInCluster(runtime)).namespace).toBe("default");
  });
});

describe("loadInCluster() throws a ConfigError that names", () => {
  test.each([
    [
      "KUBERNETES_SERVICE_HOST",
      (runtime: FakeRuntime) => runtime.variables.delete("KUBERNETES_SERVICE_HOST"),
    ],
    [
      "KUBERNETES_SERVICE_PORT",
      (runtime: FakeRuntime) => runtime.variables.delete("KUBERNETES_SERVICE_PORT"),
    ],
    [`${root}/ca.crt`, (runtime: FakeRuntime) => runtime.disk.delete(`${root}/ca.crt`)],
    [`${root}/token`, (runtime: FakeRuntime) => runtime.disk.delete(`${root}/token`)],
  ])("only %s when only that is missing", async (name, remove) => {
    const runtime = createPodRuntime();
    remove(runtime);
    const { message } = await refusal(runtime);
    expect(message).toMatch(/^Cannot load in-cluster config: /);
    expect(message).toContain(name);
    expect(message).toMatch(/ (is not set|is missing)$/);
    expect(message).not.toContain(";");
  });

  test("an empty variable as an unset one", async () => {
    const runtime = createPodRuntime();
    runtime.variables.set("KUBERNETES_SERVICE_HOST", "");
    expect((await refusal(runtime)).message).toMatch(/KUBERNETES_SERVICE_HOST is not set$/);
  });

  test("all of them at once when all are missing", async () => {
    expect((await refusal(createFakeRuntime())).message).toBe(
      "Cannot load in-cluster config: KUBERNETES_SERVICE_HOST is not set; " +
        `KUBERNETES_SERVICE_PORT is not set; ${root}/ca.crt is missing; ${root}/token is missing`,
    );
  });

  test("the missing permissions", async () => {
    const runtime = createPodRuntime();
    runtime.denied.add("env KUBERNETES_SERVICE_HOST");
    runtime.denied.add("env KUBERNETES_SERVICE_PORT");
    runtime.denied.add(`read ${root}`);
    const { message } = await refusal(runtime);
    expect(message).toContain("(grant --allow-env=KUBERNETES_SERVICE_HOST)");
    expect(message).toContain("(grant --allow-env=KUBERNETES_SERVICE_PORT)");
    expect(message).toContain(`(grant --allow-read=${root})`);
    expect(runtime.reads).toEqual([]);
  });

  test("a runtime without files", async () => {
    const { message } = await refusal(createPodRuntime({ name: "edge", hasFiles: false }));
    expect(message).toMatch(/edge has no file system; pass the option "config"/);
  });
});

test.each([
  ["empty", "", /it is empty/],
  ["garbage", "not a bundle", /no CERTIFICATE block/],
  ["truncated", ca.slice(0, 100), /block 1 \(line 1\)/],
  ["a private key", pemBlock("PRIVATE KEY", Uint8Array.from([1])), /found only PRIVATE KEY/],
  ["unreadable", new Error("EACCES"), /EACCES/],
])(
  "loadInCluster() never falls back to the default roots when the CA is %s",
  async (_, content, reason) => {
    const runtime = createPodRuntime();
    runtime.disk.set(`${root}/ca.crt`, content);
    const { message } = await refusal(runtime);
    expect(message).toContain(`Cannot load CA bundle from file ${root}/ca.crt`);
    expect(message).toMatch(reason);
    expect(runtime.transports).toEqual([]);
  },
);

test.each([
  ["empty", "\n"],
  ["with a newline inside", "sesame\nsecond"],
])("loadInCluster() throws a ConfigError when the token is %s", async (_, token) => {
  const runtime = createPodRuntime();
  runtime.disk.set(`${root}/token`, token);
  const error = await refusal(runtime);
  expect(error.message).toContain(`Cannot load token from file ${root}/token`);
  for (const text of [String(error), error.stack, JSON.stringify(error), inspect(error)]) {
    expect(text).not.toContain("sesame");
  }
});

describe("loadInCluster() with the caller's own sources", () => {
  const own = {
    ca: staticCaSource(anchorPem("own", 7)),
    token: staticTokenSource("own-token"),
  };

  test("uses them instead of the files, which need not exist", async () => {
    const runtime = createPodRuntime();
    runtime.disk.delete(`${root}/ca.crt`);
    runtime.disk.delete(`${root}/token`);
    runtime.disk.set(`${root}/namespace`, "shop");
    const config = await loadInCluster(runtime, own);
    expect(config).toMatchObject({ server: "https://10.96.0.1", namespace: "shop" });
    expect(config.ca).toBe(own.ca);
    expect(config.token).toBe(own.token);
    expect(runtime.reads).toEqual([`${root}/namespace`]);
  });

  test("reads the file if its source is not given", async () => {
    const { ca: bundle, token } = await loadInCluster(createPodRuntime(), { ca: own.ca });
    expect(bundle).toBe(own.ca);
    expect(token?.peek()).toBe("sesame");
    const other = await loadInCluster(createPodRuntime(), { token: own.token });
    expect(other.ca?.status.source).toBe(`file ${root}/ca.crt`);
    expect(other.token).toBe(own.token);
  });

  test("sends the client certificate together with the token", async () => {
    const clientCert = createFixedSource(async () => ({ subject: "CN=a" }), {
      kind: "client-certificate",
    });
    const config = await loadInCluster(createPodRuntime(), { clientCert: clientCert as never });
    expect(config.clientCert).toBe(clientCert);
    expect(config.token?.peek()).toBe("sesame");
  });

  test("reports their errors together with all others", async () => {
    const load = async (): Promise<never> => {
      throw new SourceError("Cannot load token from the vault: sealed", "failed");
    };
    const broken = createFixedSource(load, { kind: "token" });
    const runtime = createPodRuntime();
    runtime.disk.delete(`${root}/ca.crt`);
    const error = await rejection(loadInCluster(runtime, { token: broken }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain("Cannot load token from the vault: sealed");
    expect(String(error)).toContain(`${root}/ca.crt is missing`);
  });

  test("needs no read permission if it reads no files", async () => {
    const runtime = createPodRuntime();
    runtime.denied.add(`read ${root}`);
    expect(await loadInCluster(runtime, own)).toMatchObject({ namespace: "default" });
    expect(await rejection(loadInCluster(runtime, { ca: own.ca }))).toBeInstanceOf(ConfigError);
  });

  test.each(["ca", "token", "clientCert"])("rejects %s that is text", async (name) => {
    const error = await rejection(loadInCluster(createPodRuntime(), { [name]: "sesame" }));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(`option ${name} of inCluster`);
    expect(String(error)).not.toContain("sesame");
  });

  test("rejects an interval that no source would use", async () => {
    const error = await rejection(
      loadInCluster(createPodRuntime(), { ...own, reloadIntervalMs: 1_000 }),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain("option reloadIntervalMs of inCluster with ca and token");
  });
});

test("loadInCluster() returns a config that shows no secret", async () => {
  const config = await loadInCluster(createPodRuntime());
  const { token } = config;
  expect(await token?.current()).toBe("sesame");
  for (const value of [config, token, token?.status]) {
    expect(inspect(value, { depth: 9, showHidden: true })).not.toContain("sesame");
    expect(JSON.stringify(value)).not.toContain("sesame");
  }
});

test("loadInCluster() rejects an unknown option", async () => {
  const options = { root, rooot: "/elsewhere" };
  await expect(loadInCluster(createPodRuntime(), options)).rejects.toThrow(
    /^Cannot use option rooot of inCluster: .* root, reloadIntervalMs/,
  );
});
