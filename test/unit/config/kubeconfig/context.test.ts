/**
 * Selecting a context of a kubeconfig. The cases are those of client-go's `client_config_test.go` and
 * `validation_test.go`.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import {
  type KubeconfigOverrides,
  type ResolvedContext,
  selectContext,
} from "../../../../src/config/kubeconfig/context.ts";
import { mergeKubeconfigs } from "../../../../src/config/kubeconfig/merge.ts";
import { parseKubeconfig } from "../../../../src/config/kubeconfig/parse.ts";
import { ConfigError } from "../../../../src/errors.ts";
import { folderOf } from "../../../../src/file-path.ts";
import * as kubeconfigs from "../../../support/kubeconfigs.ts";

const { caText, certificateText, keyText } = kubeconfigs;
const path = "/home/alice/.kube/config";
const secret = "hunter2-placeholder";

function select(content: string | object, overrides?: KubeconfigOverrides): ResolvedContext {
  const config = parseKubeconfig(content, path);
  return selectContext(
    mergeKubeconfigs([{ folder: folderOf(path), label: path, config }]),
    overrides,
  );
}

/** A kubeconfig with the single context `dev`. */
function devConfig(parts: { cluster?: object; user?: object; context?: object }): object {
  return {
    "current-context": "dev",
    clusters: [{ name: "dev", cluster: { server: "https://dev", ...parts.cluster } }],
    users: [{ name: "alice", user: { ...parts.user } }],
    contexts: [{ name: "dev", context: { cluster: "dev", user: "alice", ...parts.context } }],
  };
}

function ofUser(user: object): ResolvedContext {
  return select(devConfig({ user }));
}

/** The resolved user, and its warnings. */
function warned(user: object): ResolvedContext & { readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const config = parseKubeconfig(devConfig({ user }), path);
  const merged = mergeKubeconfigs([{ folder: folderOf(path), label: path, config }]);
  return { ...selectContext(merged, {}, (message) => warnings.push(message)), warnings };
}

function ofCluster(cluster: object): ResolvedContext {
  return select(devConfig({ cluster }));
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const shown = [String(error), error.stack, JSON.stringify(error), String(error.cause)].join();
    for (const each of [secret, btoa(secret), "PRIVATE KEY", btoa(keyText)]) {
      expect(shown).not.toContain(each);
    }
    return error.message.replace(`Cannot use kubeconfig ${path}: `, "");
  }
  throw new Error("it was not refused");
}

describe("selectContext() resolves kubeconfigs as", () => {
  test("kind writes: a client certificate", () => {
    expect(select(kubeconfigs.kind)).toEqual({
      context: "kind-dev",
      clusterName: "kind-dev",
      userName: "kind-dev",
      server: "https://127.0.0.1:41231",
      serverName: undefined,
      insecureSkipTlsVerify: false,
      ca: { data: caText, base64: btoa(caText) },
      proxyUrl: undefined,
      disableCompression: false,
      namespace: undefined,
      clientCert: {
        certificate: { data: certificateText, base64: btoa(certificateText) },
        key: { data: keyText, base64: btoa(keyText) },
      },
      token: undefined,
      tokenFile: undefined,
      basic: undefined,
      impersonate: undefined,
      oidc: undefined,
      exec: undefined,
      clusterExtension: undefined,
    } satisfies ResolvedContext);
  });

  test("k3s writes: everything is called default", () => {
    expect(select(kubeconfigs.k3s)).toMatchObject({
      context: "default",
      clusterName: "default",
      userName: "default",
    });
  });

  test("EKS writes: an exec plugin of v1beta1", () => {
    const { exec, clientCert, token } = select(kubeconfigs.eks);
    expect([clientCert, token]).toEqual([undefined, undefined]);
    expect(exec).toEqual({
      apiVersion: "client.authentication.k8s.io/v1beta1",
      command: "aws",
      args: [
        "--region",
        "eu-central-1",
        "eks",
        "get-token",
        "--cluster-name",
        "shop",
        "--output",
        "json",
      ],
      env: [],
      installHint: undefined,
      provideClusterInfo: false,
      interactiveMode: "IfAvailable",
    });
  });

  test("GKE writes: an exec plugin that receives the cluster", () => {
    const { exec } = select(kubeconfigs.gke);
    expect(exec?.provideClusterInfo).toBe(true);
    expect(exec?.installHint).toMatch(/^Install gke-gcloud-auth-plugin for use with kubectl by/);
  });

  test("AKS writes: a hint over several lines, joined into one", () => {
    const { exec, userName } = select(kubeconfigs.aks);
    expect(userName).toBe("clusterUser_group_shop");
    expect(exec?.installHint).toMatch(/^kubelogin is not installed .* cluster\. To learn more/);
  });

  test("OpenShift writes: a token, a namespace, and names with slashes", () => {
    expect(select(kubeconfigs.openshift)).toMatchObject({
      context: "payments/api-shop-example-com:6443/alice",
      namespace: "payments",
      token: "sha256~placeholder",
      insecureSkipTlsVerify: true,
    });
  });

  test("minikube writes: files beside it", () => {
    expect(select(kubeconfigs.minikube)).toMatchObject({
      ca: { file: "/home/alice/.minikube/ca.crt" },
      clientCert: {
        certificate: { file: "/home/alice/.minikube/profiles/minikube/client.crt" },
        key: { file: "/home/alice/.minikube/profiles/minikube/client.key" },
      },
    });
  });
});

describe("selectContext() takes overrides when", () => {
  const two = {
    "current-context": "dev",
    clusters: ["dev", "prod"].map((name) => ({ name, cluster: { server: `https://${name}` } })),
    users: ["alice", "bob"].map((name) => ({ name, user: { token: name } })),
    contexts: [
      { name: "dev", context: { cluster: "dev", user: "alice", namespace: "shop" } },
      { name: "prod", context: { cluster: "prod", user: "bob" } },
    ],
  };
  const picked = ({ context, clusterName, userName, namespace }: ResolvedContext): unknown[] => [
    context,
    clusterName,
    userName,
    namespace,
  ];

  test.each<[string, KubeconfigOverrides, unknown[]]>([
    ["there are none", {}, ["dev", "dev", "alice", "shop"]],
    [
      "they are undefined",
      { context: undefined, user: undefined },
      ["dev", "dev", "alice", "shop"],
    ],
    [
      "they are empty",
      { context: "", cluster: "", user: "", namespace: "" },
      ["dev", "dev", "alice", "shop"],
    ],
    ["a context is asked for", { context: "prod" }, ["prod", "prod", "bob", undefined]],
    ["a cluster is", { cluster: "prod" }, ["dev", "prod", "alice", "shop"]],
    ["a user is", { user: "bob" }, ["dev", "dev", "bob", "shop"]],
    ["a namespace is", { namespace: "x" }, ["dev", "dev", "alice", "x"]],
    [
      "all are",
      { context: "prod", cluster: "dev", user: "alice", namespace: "x" },
      ["prod", "dev", "alice", "x"],
    ],
  ])("%s", (_, overrides, expected) => {
    expect(picked(select(two, overrides))).toEqual(expected);
  });

  test("a cluster is selected without a context: no user, unless one is selected", () => {
    const without = { ...two, "current-context": undefined };
    expect(picked(select(without, { cluster: "prod" }))).toEqual([
      undefined,
      "prod",
      undefined,
      undefined,
    ]);
    expect(select(without, { cluster: "prod" }).token).toBeUndefined();
    expect(select(without, { cluster: "prod", user: "bob" }).token).toBe("bob");
  });

  test("a context names no user: no user", () => {
    const context = select(devConfig({ context: { user: null }, user: { token: secret } }));
    expect(context.userName).toBeUndefined();
    expect(context.token).toBeUndefined();
  });

  test("another context is broken: no error", () => {
    const broken = {
      ...two,
      users: [...two.users, { name: "eve", user: { exec: {}, "auth-provider": { name: "gcp" } } }],
      contexts: [...two.contexts, { name: "broken", context: { cluster: "none", user: "eve" } }],
    };
    expect(select(broken).context).toBe("dev");
  });
});

describe("selectContext() rejects when", () => {
  test("the kubeconfig is empty", () => {
    expect(refusal(() => select(""))).toBe("it holds no cluster, user or context");
    expect(refusal(() => select("", { user: "a" }))).toBe("it holds no cluster, user or context");
  });

  test("there is no current-context", () => {
    expect(refusal(() => select({ ...devConfig({}), "current-context": "" }))).toBe(
      "it sets no current-context; pass the option context (there are dev)",
    );
  });

  test("the current-context is unknown", () => {
    expect(refusal(() => select({ ...devConfig({}), "current-context": "nowhere" }))).toBe(
      "current-context is nowhere, and there is no such context (there are dev)",
    );
  });

  test.each<[KubeconfigOverrides, string]>([
    [{ context: "x" }, "the option context is x, and there is no such context (there are dev)"],
    [{ cluster: "x" }, "the option cluster is x, and there is no such cluster (there are dev)"],
    [{ user: "x" }, "the option user is x, and there is no such user (there are alice)"],
    [
      { user: "__proto__" },
      "the option user is __proto__, and there is no such user (there are alice)",
    ],
    [
      { user: "constructor" },
      "the option user is constructor, and there is no such user (there are alice)",
    ],
  ])("an override is unknown: %j", (overrides, expected) => {
    expect(refusal(() => select(devConfig({}), overrides))).toBe(expected);
  });

  test.each([
    [
      { cluster: "x" },
      "contexts[dev].context.cluster is x, and there is no such cluster (there are dev)",
    ],
    [{ user: "x" }, "contexts[dev].context.user is x, and there is no such user (there are alice)"],
    [{ cluster: null }, "contexts[dev].context.cluster is missing"],
    [{ cluster: "" }, "contexts[dev].context.cluster is missing"],
  ])("a context has %j", (context, expected) => {
    expect(refusal(() => select(devConfig({ context })))).toBe(expected);
  });

  test("there are many names: it lists ten", () => {
    const contexts = Array.from({ length: 12 }, (_, i) => ({ name: `c${i}` }));
    expect(refusal(() => select({ contexts }))).toContain(
      "(there are c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more)",
    );
  });

  test("there are none", () => {
    expect(refusal(() => select({ contexts: [{ name: "a" }] }, { cluster: "x" }))).toContain(
      "(there is no cluster at all)",
    );
  });

  test("names contain ANSI escapes, which are removed from messages", () => {
    const name = "\u{1b}[31mdev\u{1b}[0m\r\n";
    const message = refusal(() => select({ "current-context": `x${name}`, contexts: [{ name }] }));
    expect(message).toBe("current-context is xdev, and there is no such context (there are dev)");
  });

  test("an entry is wrong: the error names the label of its file", () => {
    const files = [
      {
        label: "first",
        content: {
          "current-context": "dev",
          contexts: [{ name: "dev", context: { cluster: "dev", user: "alice" } }],
        },
      },
      {
        label: "second",
        content: { clusters: [{ name: "dev", cluster: { server: "https://dev" } }] },
      },
      { label: "third", content: { users: [{ name: "alice", user: { exec: {} } }] } },
    ].map(({ label, content }) => ({
      folder: undefined,
      label,
      config: parseKubeconfig(content, label),
    }));
    expect(refusal(() => selectContext(mergeKubeconfigs(files)))).toMatch(
      /^Cannot use kubeconfig third: users\[alice\]/,
    );
    expect(refusal(() => selectContext(mergeKubeconfigs(files.slice(0, 2))))).toMatch(
      /^Cannot use kubeconfig first: contexts\[dev\]\.context\.user is alice/,
    );
    expect(refusal(() => selectContext(mergeKubeconfigs(files), { user: "bob" }))).toMatch(
      /^Cannot use kubeconfig first, second, third: the option user/,
    );
  });
});

describe("selectContext() reads a cluster when", () => {
  test("it has a tls-server-name, a proxy-url and disable-compression", () => {
    expect(
      ofCluster({
        "tls-server-name": "kubernetes",
        "proxy-url": "socks5://127.0.0.1:1080",
        "disable-compression": true,
      }),
    ).toMatchObject({
      serverName: "kubernetes",
      proxyUrl: "socks5://127.0.0.1:1080",
      disableCompression: true,
    });
  });

  test("it has data and a file: the data takes precedence", () => {
    const cluster = {
      "certificate-authority": "ca.crt",
      "certificate-authority-data": btoa(caText),
    };
    expect(ofCluster(cluster).ca).toEqual({ data: caText, base64: btoa(caText) });
  });

  test("its data contains line breaks, as some tools write it", () => {
    const wrapped = btoa(caText).replace(/.{20}/g, "$&\r\n");
    expect(ofCluster({ "certificate-authority-data": wrapped }).ca).toEqual({
      data: caText,
      base64: btoa(caText),
    });
  });

  test("its fields are empty, and therefore absent", () => {
    const empty = ofCluster({
      "certificate-authority": "",
      "certificate-authority-data": "",
      "proxy-url": "",
      "tls-server-name": "",
    });
    expect([empty.ca, empty.proxyUrl, empty.serverName]).toEqual([undefined, undefined, undefined]);
  });

  test("its server has no scheme: https, if another field implies TLS", () => {
    const insecure = { "insecure-skip-tls-verify": true };
    const ca = { "certificate-authority-data": btoa(caText) };
    expect(ofCluster({ server: "api:6443", ...insecure }).server).toBe("https://api:6443/");
    expect(ofCluster({ server: "[::1]:6443", ...ca }).server).toBe("https://[::1]:6443/");
    const cluster = { server: "10.0.0.1" };
    const user = { "client-certificate": "/c.crt", "client-key": "/c.key" };
    expect(select(devConfig({ cluster, user })).server).toBe("https://10.0.0.1/");
    expect(refusal(() => select(devConfig({ cluster, user: { token: secret } })))).toContain(
      "has no scheme (10.0.0.1)",
    );
  });

  test("it has an extension for an exec plugin", () => {
    const extensions = [
      { name: "other", extension: 1 },
      { name: "client.authentication.k8s.io/exec", extension: { audience: "a", list: [null] } },
    ];
    expect(ofCluster({ extensions }).clusterExtension).toEqual({ audience: "a", list: [null] });
  });

  test.each([
    [{ server: null }, "clusters[dev].cluster.server is missing"],
    [{ server: "" }, "clusters[dev].cluster.server is missing"],
    [
      { "proxy-url": "ftp://proxy" },
      "clusters[dev].cluster.proxy-url is no URL of http, https or socks5",
    ],
    [
      { "proxy-url": `${secret}@proxy` },
      "clusters[dev].cluster.proxy-url is no URL of http, https or socks5",
    ],
    [
      { server: "ftp://api:6443" },
      "clusters[dev].cluster.server is not a URL of http or https (ftp://api:6443)",
    ],
    [
      { server: "//api:6443" },
      "clusters[dev].cluster.server is not a URL of http or https (//api:6443)",
    ],
    [
      { server: `me:${secret}@api:6443` },
      "clusters[dev].cluster.server is not a URL of http or https (not shown, since it may hold a password)",
    ],
    ...[`https://me:${secret}@api`, "https://api?a=b", "https://api/#a", "https://a b"].map(
      (server): [object, string] => [
        { server },
        `clusters[dev].cluster.server holds a user, a query, a fragment or white space; a URL and a path are all that it may hold (${server.includes("@") ? "not shown, since it may hold a password" : server})`,
      ],
    ),
    [{ server: "https://" }, "clusters[dev].cluster.server is not a URL (https://)"],
    [
      { server: "api:6443" },
      "clusters[dev].cluster.server has no scheme (api:6443); write https://api:6443",
    ],
  ])("it is rejected: %j", (cluster, expected) => {
    expect(refusal(() => ofCluster(cluster))).toBe(expected);
  });

  test.each(["certificate-authority", "certificate-authority-data"])(
    "it is insecure with a CA in %s, which is rejected",
    (field) => {
      const cluster = { "insecure-skip-tls-verify": true, [field]: btoa(caText) };
      expect(refusal(() => ofCluster(cluster))).toMatch(
        /^clusters\[dev\]\.cluster has both a certificate-authority and insecure-skip-tls-verify/,
      );
      expect(ofCluster({ ...cluster, "insecure-skip-tls-verify": false }).ca).toBeDefined();
    },
  );
});

describe("selectContext() reads a user when", () => {
  test("it has a token, or a tokenFile, or both: the reader decides on precedence", () => {
    expect(ofUser({ token: "t" })).toMatchObject({ token: "t", tokenFile: undefined });
    expect(ofUser({ tokenFile: "t" })).toMatchObject({
      token: undefined,
      tokenFile: "/home/alice/.kube/t",
    });
    expect(ofUser({ token: "t", tokenFile: "/t" })).toMatchObject({ token: "t", tokenFile: "/t" });
  });

  test("it has a username and a password, either of which may be empty", () => {
    expect(ofUser({ username: "a", password: "b" }).basic).toEqual({
      username: "a",
      password: "b",
    });
    expect(ofUser({ username: "a" }).basic).toEqual({ username: "a", password: "" });
    expect(ofUser({ password: "b" }).basic).toEqual({ username: "", password: "b" });
    expect(ofUser({ username: "", password: "" }).basic).toBeUndefined();
  });

  test("it has a certificate and a key: data takes precedence over a file for each", () => {
    const [certificate, key] = [btoa(certificateText), btoa(keyText)];
    const files = { "client-certificate": "/c.crt", "client-key": "/c.key" };
    expect(ofUser(files).clientCert).toEqual({
      certificate: { file: "/c.crt" },
      key: { file: "/c.key" },
    });
    expect(ofUser({ ...files, "client-key-data": key }).clientCert).toEqual({
      certificate: { file: "/c.crt" },
      key: { data: keyText, base64: key },
    });
    expect(ofUser({ ...files, "client-certificate-data": certificate }).clientCert).toEqual({
      certificate: { data: certificateText, base64: certificate },
      key: { file: "/c.key" },
    });
  });

  test("it has a client certificate and a token, which are used together", () => {
    const user = { token: "t", "client-certificate": "/c.crt", "client-key": "/c.key" };
    expect(ofUser(user)).toMatchObject({ token: "t", clientCert: { key: { file: "/c.key" } } });
  });

  test("it impersonates another user, with all fields", () => {
    const user = {
      as: "bob",
      "as-uid": "7",
      "as-groups": ["devs", "ops"],
      "as-user-extra": { scopes: ["a", "b"], none: null },
    };
    expect(ofUser(user).impersonate).toEqual({
      user: "bob",
      uid: "7",
      groups: ["devs", "ops"],
      extra: { scopes: ["a", "b"], none: [] },
    });
    expect(ofUser({ as: "bob" }).impersonate).toEqual({
      user: "bob",
      uid: undefined,
      groups: [],
      extra: {},
    });
  });

  test.each([
    [{ "as-uid": "7" }],
    [{ "as-groups": ["devs"] }],
    [{ "as-user-extra": { scopes: ["a"] } }],
    [{ as: "", "as-groups": ["devs"] }],
  ])("it is rejected, since it impersonates without a user: %j", (user) => {
    expect(refusal(() => ofUser(user))).toBe(
      "users[alice].user asks for as-uid, as-groups or as-user-extra without a user to act as; set as",
    );
  });

  test.each([["client-certificate"], ["client-certificate-data"]])(
    "it is rejected, since it has a %s without a client-key",
    (there) => {
      expect(refusal(() => ofUser({ [there]: btoa(keyText) }))).toBe(
        "users[alice].user has a client-certificate, but neither client-key nor client-key-data",
      );
    },
  );

  test.each([["client-key"], ["client-key-data"]])(
    "it has a %s without a client-certificate, which is ignored with a warning",
    (there) => {
      const { clientCert, token, warnings } = warned({ [there]: btoa(keyText), token: "t" });
      expect([clientCert, token]).toEqual([undefined, "t"]);
      expect(warnings).toEqual([
        `Kubeconfig ${path}: users[alice].user.${there} is ignored: there is no client-certificate to it`,
      ]);
    },
  );

  test.each(["client-certificate-data", "client-key-data"])("its %s is bad base64", (field) => {
    for (const data of [keyText, `${secret}!`, "YQ", "YQ=", "Y=Q=", "====", "_-8="]) {
      const user = {
        "client-certificate-data": btoa(certificateText),
        "client-key-data": btoa(keyText),
        [field]: data,
      };
      expect(refusal(() => ofUser(user))).toBe(
        `Cannot read kubeconfig ${path}: users[0].user.${field} is not base64; it takes PEM text encoded in base64`,
      );
    }
  });

  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: "plugin",
    interactiveMode: "Never",
  };
  const clientCert = { "client-certificate": "/c.crt", "client-key": "/c.key" };
  test.each([
    [{ token: secret, username: "a" }, "token; username and password"],
    [{ token: secret, password: secret }, "token; username and password"],
    [{ tokenFile: "/t", username: "a", password: secret }, "tokenFile; username and password"],
  ])("it is rejected, since it has more than one way to authenticate", (user, methods) => {
    expect(refusal(() => ofUser(user))).toBe(
      `users[alice].user has more than one way to authenticate (${methods}); keep one`,
    );
  });

  test.each([
    [{ token: secret }, "token"],
    [{ tokenFile: "/t" }, "tokenFile"],
    [{ username: "a" }, "username and password"],
    [clientCert, "client-certificate"],
  ])("it has static credentials beside exec, and the plugin is not run: %j", (user, what) => {
    const { warnings, ...resolved } = warned({ exec, ...user });
    const { warnings: _, ...alone } = warned(user);
    expect(resolved).toEqual(alone);
    expect(warnings).toEqual([
      `Kubeconfig ${path}: users[alice].user.exec is ignored: ${what} stands beside it`,
    ]);
    // It is validated all the same, as kubectl does.
    expect(refusal(() => ofUser({ exec: { ...exec, command: "" }, ...user }))).toBe(
      "users[alice].user.exec.command is missing",
    );
  });

  const oidc = { name: "oidc", config: { "id-token": secret, "client-id": "kube" } };

  test("its auth-provider is oidc: the id-token, unless another header takes precedence", () => {
    const place = "users[alice].user.auth-provider";
    expect(ofUser({ "auth-provider": oidc }).oidc).toEqual({ idToken: secret, place });
    expect(ofUser({ "auth-provider": oidc, ...clientCert }).oidc).toBeDefined();
    for (const [user, what] of [
      [{ token: "t" }, "token"],
      [{ tokenFile: "/t" }, "tokenFile"],
      [{ password: "p" }, "username and password"],
    ] as const) {
      const resolved = warned({ "auth-provider": oidc, ...user });
      expect(resolved.oidc).toBeUndefined();
      expect(resolved.warnings).toEqual([
        `Kubeconfig ${path}: ${place} is ignored: ${what} stands beside it`,
      ]);
    }
    expect(refusal(() => ofUser({ "auth-provider": oidc, exec }))).toBe(
      "users[alice].user has an exec plugin and an auth-provider; keep one",
    );
  });

  test.each([
    ["gcp", /gke-gcloud-auth-plugin/],
    ["azure", /kubelogin convert-kubeconfig/],
    ["openstack", /use an exec plugin in its place$/],
    [null, /use an exec plugin in its place$/],
  ])("its auth-provider is %s, which kubectl no longer supports", (name, expected) => {
    const user = { "auth-provider": { name, config: { "access-token": secret, "id-token": "x" } } };
    const message = refusal(() => ofUser(user));
    expect(message).toMatch(/^users\[alice\]\.user\.auth-provider is none that kubectl still has/);
    expect(message).toMatch(expected);
    expect(refusal(() => ofUser({ ...user, exec }))).toBe(message);
  });
});

describe("selectContext() reads an exec plugin when", () => {
  const v1 = "client.authentication.k8s.io/v1";
  const v1beta1 = "client.authentication.k8s.io/v1beta1";

  test("it has every field", () => {
    const exec = {
      apiVersion: v1,
      command: "./plugin",
      args: ["a", ""],
      env: [{ name: "A", value: "b" }, { name: "C", value: null }, { name: "D" }],
      installHint: "\u{1b}[1mget\u{1b}[0m it",
      provideClusterInfo: true,
      interactiveMode: "Always",
    };
    expect(ofUser({ exec }).exec).toEqual({
      ...exec,
      command: "/home/alice/.kube/plugin",
      env: [
        { name: "A", value: "b" },
        { name: "C", value: "" },
        { name: "D", value: "" },
      ],
      installHint: "get it",
    });
  });

  test("it omits interactiveMode in v1beta1: IfAvailable", () => {
    const { exec } = ofUser({ exec: { apiVersion: v1beta1, command: "plugin" } });
    expect(exec?.interactiveMode).toBe("IfAvailable");
    const empty = { apiVersion: v1beta1, command: "plugin", interactiveMode: "" };
    expect(ofUser({ exec: empty }).exec?.interactiveMode).toBe("IfAvailable");
    const never = { apiVersion: v1beta1, command: "plugin", interactiveMode: "Never" };
    expect(ofUser({ exec: never }).exec?.interactiveMode).toBe("Never");
  });

  test.each([
    [{ apiVersion: v1, interactiveMode: "Never" }, "command is missing"],
    [{ apiVersion: v1, interactiveMode: "Never", command: "" }, "command is missing"],
    [{ command: "plugin" }, "apiVersion is missing"],
    [
      { command: "plugin", apiVersion: "client.authentication.k8s.io/v1alpha1" },
      `apiVersion must be ${v1} or ${v1beta1}`,
    ],
    [
      { command: "plugin", apiVersion: v1 },
      `interactiveMode is missing; set it to Never, IfAvailable or Always, as ${v1} demands`,
    ],
    [
      { command: "plugin", apiVersion: v1beta1, interactiveMode: "Sometimes" },
      `interactiveMode is unknown; set it to Never, IfAvailable or Always, as ${v1beta1} demands`,
    ],
    [
      { command: "plugin", apiVersion: v1beta1, env: [{ name: "A" }, { name: "", value: secret }] },
      "env[1].name is missing",
    ],
    [
      { command: "plugin", apiVersion: v1beta1, env: [{ value: secret }] },
      "env[0].name is missing",
    ],
  ])("it is rejected: %j", (exec, expected) => {
    expect(refusal(() => ofUser({ exec }))).toBe(`users[alice].user.exec.${expected}`);
  });
});
