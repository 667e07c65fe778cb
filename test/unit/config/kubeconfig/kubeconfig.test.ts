/**
 * Finding a kubeconfig, and following its changes while the program runs.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { loadKubeconfig } from "../../../../src/config/kubeconfig/kubeconfig.ts";
import { ConfigError } from "../../../../src/errors.ts";
import type { ReanchorEvent } from "../../../../src/events.ts";
import { anchorPem } from "../../support/certificates.ts";
import { type FakeRuntime, createFakeRuntime, printed } from "../../support/fake-runtime.ts";

const INTERVAL_MS = 60_000;

/** A kubeconfig with a single context and server. */
function text(server: string, user = "token: sesame"): string {
  return `
current-context: here
contexts: [{ name: here, context: { cluster: kube, user: me, namespace: shop } }]
clusters: [{ name: kube, cluster: { server: "${server}" } }]
users: [{ name: me, user: { ${user} } }]
`;
}

function desk(files: Record<string, string>, variables: Record<string, string> = {}): FakeRuntime {
  const runtime = createFakeRuntime();
  for (const [path, content] of Object.entries(files)) runtime.disk.set(path, content);
  for (const [name, value] of Object.entries(variables)) runtime.variables.set(name, value);
  return runtime;
}

describe("loadKubeconfig() looks", () => {
  test("into ~/.kube/config by default", async () => {
    const runtime = desk({ "/root/.kube/config": text("https://a") }, { HOME: "/root" });
    const config = await (await loadKubeconfig(runtime, {})).current();
    expect(config).toMatchObject({ server: "https://a", namespace: "shop" });
    expect(await config.token?.current()).toBe("sesame");
  });

  test("into USERPROFILE on Windows, and splits KUBECONFIG by semicolons there", async () => {
    const variables = { OS: "Windows_NT", USERPROFILE: "C:\\Users\\me" };
    const home = desk({ "C:\\Users\\me/.kube/config": text("https://a") }, variables);
    expect((await (await loadKubeconfig(home, {})).current()).server).toBe("https://a");
    const listed = desk(
      { "D:\\two": text("https://b") },
      { ...variables, KUBECONFIG: "C:\\one;D:\\two" },
    );
    expect((await (await loadKubeconfig(listed, {})).current()).server).toBe("https://b");
  });

  test("into the files of KUBECONFIG, and missing files are tolerated in a list", async () => {
    const runtime = desk(
      {
        "/b": "current-context: here\nclusters: [{ name: kube, cluster: { server: https://first } }]",
        "/c": text("https://second"),
      },
      { KUBECONFIG: "/a:/b::/c", HOME: "/root" },
    );
    const source = await loadKubeconfig(runtime, {});
    expect((await source.current()).server).toBe("https://first");
    expect(source.status.source).toBe("/a, /b, /c");
  });

  test("only at a given path, which must exist", async () => {
    const runtime = desk({ "/root/.kube/config": text("https://a") }, { HOME: "/root" });
    await expect(loadKubeconfig(runtime, { path: "/gone" })).rejects.toThrow(
      "Cannot load kubeconfig from /gone: /gone is missing",
    );
    await expect(loadKubeconfig(runtime, { path: ["/gone", "/too"] })).rejects.toThrow(ConfigError);
  });

  test("nowhere when neither KUBECONFIG nor HOME is set", async () => {
    await expect(loadKubeconfig(desk({}), {})).rejects.toThrow(
      /neither \$KUBECONFIG nor \$HOME is set/,
    );
  });

  test("at no file that may not be read, and says how to grant permission", async () => {
    const runtime = desk({ "/a": text("https://a") });
    runtime.denied.add("read /a");
    await expect(loadKubeconfig(runtime, { path: "/a" })).rejects.toThrow(/--allow-read=\/a/);
    expect(runtime.reads).toEqual([]);
  });

  test("at no text if the parser may not read its variables, but at an object", async () => {
    const runtime = desk({ "/a": text("https://a") });
    runtime.denied.add("env LOG_STREAM");
    for (const options of [{ path: "/a" }, { content: text("https://a") }]) {
      await expect(loadKubeconfig(runtime, options)).rejects.toThrow(/--allow-env=LOG_STREAM,/);
    }
    expect(runtime.reads).toEqual([]);
    const content = {
      "current-context": "here",
      contexts: [{ name: "here", context: { cluster: "kube" } }],
      clusters: [{ name: "kube", cluster: { server: "https://a" } }],
    };
    const source = await loadKubeconfig(runtime, { content });
    expect((await source.current()).server).toBe("https://a");
  });

  test("at no file on a runtime without a file system", async () => {
    const runtime = createFakeRuntime({ name: "edge", hasFiles: false });
    await expect(loadKubeconfig(runtime, { path: "/a" })).rejects.toThrow(
      /edge has no file system; pass its text as the option "content"/,
    );
    const source = await loadKubeconfig(runtime, { content: text("https://a") });
    expect((await source.current()).server).toBe("https://a");
  });

  test.each<[object, RegExp]>([
    [{ path: "/a", content: "" }, /path and content of kubeconfig together/],
    [{ path: "" }, /it is no path/],
    [{ path: [] }, /it is no path/],
    [{ contxt: "a" }, /option contxt of kubeconfig/],
    [{ content: text("https://a"), execTimeoutMs: 1 }, /option execTimeoutMs: 1 is not from/],
  ])("at nothing when the options are %j", async (options, message) => {
    await expect(loadKubeconfig(desk({}), options)).rejects.toThrow(message);
  });
});

describe("a kubeconfig", () => {
  test("is reloaded after the interval, and is the same object when its content is the same", async () => {
    const runtime = desk({ "/a": text("https://a") });
    const source = await loadKubeconfig(runtime, { path: "/a" });
    const config = await source.current();
    await runtime.clock.advance(INTERVAL_MS - 1);
    expect(await source.current()).toBe(config);
    expect(runtime.reads).toEqual(["/a"]);
    runtime.disk.set("/a", `# a comment\n${text("https://a")}`);
    await runtime.clock.advance(1);
    expect(await source.current()).toBe(config);
    expect(runtime.reads).toEqual(["/a", "/a"]);
  });

  test("is a new object when its context has changed, and emits an event without a secret", async () => {
    const runtime = desk({ "/a": text("https://a") });
    const source = await loadKubeconfig(runtime, { path: "/a" });
    const events: ReanchorEvent[] = [];
    source.subscribe((event) => void events.push(event));
    runtime.disk.set("/a", text("https://b", "token: other-sesame"));
    await runtime.clock.advance(INTERVAL_MS);
    const config = await source.current();
    expect(config.server).toBe("https://b");
    expect(await config.token?.current()).toBe("other-sesame");
    expect(events).toEqual([
      {
        type: "kubeconfig-reloaded",
        source: "kubeconfig /a",
        context: "here",
        server: "https://b",
      },
    ]);
  });

  test.each([
    ["gone", undefined],
    ["torn", "clusters: ["],
    ["empty", ""],
  ])("stays as it was when it is %s later", async (_, content) => {
    const runtime = desk({ "/a": text("https://a"), "/b": text("https://b") });
    const source = await loadKubeconfig(runtime, { path: ["/a", "/b"] });
    const config = await source.current();
    if (content === undefined) runtime.disk.delete("/a");
    else runtime.disk.set("/a", content);
    await runtime.clock.advance(INTERVAL_MS);
    const next = await source.current();
    // An empty file has no content, so the next one is used. A missing or torn one may be in the middle of a
    // change.
    if (content === "") expect(next.server).toBe("https://b");
    else expect(next).toBe(config);
  });

  test("follows a file that appears in the list later", async () => {
    const runtime = desk({ "/b": text("https://b") });
    const source = await loadKubeconfig(runtime, { path: ["/a", "/b"] });
    runtime.disk.set("/a", text("https://a"));
    await runtime.clock.advance(INTERVAL_MS);
    expect((await source.current()).server).toBe("https://a");
  });

  test("with an exec plugin provides its token and certificate, from one run", async () => {
    let runs = 0;
    const runtime = desk({});
    runtime.runs = async (command) => {
      runs++;
      expect(JSON.parse(command.env["KUBERNETES_EXEC_INFO"] ?? "")).toMatchObject({
        spec: { cluster: { server: "https://a", "tls-server-name": "kube.internal" } },
      });
      const status = { token: `sesame-${runs}` };
      const apiVersion = "client.authentication.k8s.io/v1";
      return printed(JSON.stringify({ kind: "ExecCredential", apiVersion, status }));
    };
    const source = await loadKubeconfig(runtime, {
      content: {
        "current-context": "here",
        contexts: [{ name: "here", context: { cluster: "kube", user: "me" } }],
        clusters: [
          { name: "kube", cluster: { server: "https://a", "tls-server-name": "kube.internal" } },
        ],
        users: [
          {
            name: "me",
            user: {
              exec: {
                apiVersion: "client.authentication.k8s.io/v1",
                command: "get-token",
                interactiveMode: "Never",
                provideClusterInfo: true,
              },
            },
          },
        ],
      },
    });
    const { token, clientCert } = await source.current();
    expect(await Promise.all([token?.current(), clientCert?.current()])).toEqual([
      "sesame-1",
      undefined,
    ]);
    expect(token?.status).toMatchObject({ kind: "token", source: "exec plugin get-token" });
    await runtime.clock.advance(5_000);
    expect(await token?.reload()).toBe("sesame-2");
    expect(runs).toBe(2);
  });

  test("shows no secret, whatever its error", async () => {
    for (const user of [
      "token: [sesame]",
      "token: sesame, username: me",
      "client-key-data: '*sesame*'",
    ]) {
      const options = { content: text("https://a", user) };
      const error: unknown = await loadKubeconfig(desk({}), options).catch(
        (cause: unknown) => cause,
      );
      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).not.toContain("sesame");
    }
  });
});

describe("a kubeconfig's relative paths", () => {
  const files = {
    "/work/kube/config": text("https://a", "tokenFile: token"),
    "/work/kube/token": "sesame",
    "/work/token": "sesame of the folder",
  };

  test("are relative to the working folder at the time of reading", async () => {
    const runtime = desk(files);
    runtime.folder = "/work";
    const source = await loadKubeconfig(runtime, { path: "kube/config" });
    runtime.folder = "/elsewhere";
    await runtime.clock.advance(INTERVAL_MS);
    const { token } = await source.current();
    expect(await token?.current()).toBe("sesame");
    expect(source.status).toMatchObject({ source: "/work/kube/config", failures: 0 });
  });

  test("work in $KUBECONFIG and in $HOME too", async () => {
    const listed = desk(files, { KUBECONFIG: "kube/missing:./kube/config" });
    listed.folder = "/work";
    expect((await loadKubeconfig(listed, {})).status.source).toBe(
      "/work/kube/missing, /work/kube/config",
    );
    const home = desk({ "/work/me/.kube/config": text("https://a") }, { HOME: "me" });
    home.folder = "/work";
    expect((await loadKubeconfig(home, {})).status.source).toBe("/work/me/.kube/config");
  });

  test("in passed content are relative to the working folder too", async () => {
    const runtime = desk(files);
    runtime.folder = "/work";
    const content = text("https://a", "tokenFile: token");
    const source = await loadKubeconfig(runtime, { content });
    runtime.folder = "/elsewhere";
    expect(await (await source.current()).token?.current()).toBe("sesame of the folder");
  });
});

describe("an oddity in a kubeconfig", () => {
  const odd = "token: sesame, client-key-data: c2VzYW1l";
  const message =
    "Kubeconfig /a: users[me].user.client-key-data is ignored: there is no client-certificate to it";

  test("is a warning to each listener once, even to a later one", async () => {
    const runtime = desk({ "/a": text("https://a", odd) });
    const source = await loadKubeconfig(runtime, { path: "/a" });
    for (let listener = 0; listener < 2; listener++) {
      const events: ReanchorEvent[] = [];
      source.subscribe((event) => events.push(event));
      await runtime.clock.advance(INTERVAL_MS);
      await source.current();
      expect(events).toEqual([{ type: "warning", message, source: "kubeconfig /a" }]);
    }
  });

  test("is a warning when it appears later, and again when it reappears", async () => {
    const runtime = desk({ "/a": text("https://a") });
    const source = await loadKubeconfig(runtime, { path: "/a" });
    const events: ReanchorEvent[] = [];
    const unsubscribe = source.subscribe((event) => {
      if (event.type === "warning") events.push(event);
    });
    const write = async (user: string): Promise<void> => {
      runtime.disk.set("/a", text("https://a", user));
      await runtime.clock.advance(INTERVAL_MS);
      await source.current();
    };
    await write(odd);
    await write("token: sesame");
    await write(odd);
    unsubscribe();
    await write("token: sesame");
    await write(odd);
    expect(events).toMatchObject([{ message }, { message }]);
  });
});

describe("a kubeconfig's auth-provider oidc", () => {
  const jwt = (expiresAt: number): string =>
    `e30.${btoa(JSON.stringify({ exp: expiresAt / 1_000 })).replaceAll("=", "")}.c2ln`;
  const oidc = (idToken: string): string =>
    text("https://a", `auth-provider: {name: oidc, config: {id-token: ${idToken}}}`);

  test("is its id-token while that is valid, and then the id-token in the file", async () => {
    const runtime = desk({});
    const now = runtime.clock.wallNow();
    const [first, second] = [jwt(now + 30_000), jwt(now + 600_000)];
    runtime.disk.set("/a", oidc(first));
    const source = await loadKubeconfig(runtime, { path: "/a" });
    const { token } = await source.current();
    expect(await token?.current()).toBe(first);
    expect(token?.fresh?.()).toBe(first);

    runtime.disk.set("/a", oidc(second));
    await runtime.clock.advance(19_999);
    expect(await (await source.current()).token?.current()).toBe(first);
    await runtime.clock.advance(1);
    expect(await (await source.current()).token?.current()).toBe(second);
  });

  test("throws when it has expired, and says what to do without quoting the token", async () => {
    const runtime = desk({});
    const idToken = jwt(runtime.clock.wallNow() + 30_000);
    runtime.disk.set("/a", oidc(idToken));
    const source = await loadKubeconfig(runtime, { path: "/a" });
    await runtime.clock.advance(20_000);
    const { token } = await source.current();
    expect(token?.fresh?.()).toBeUndefined();
    const error = await token?.current().catch((cause: unknown) => cause);
    expect(String(error)).toBe(
      "SourceError: Cannot use id-token from kubeconfig /a: users[me].user.auth-provider has an id-token that has expired, and reanchor does not renew it; log in again, run kubectl, which renews it if it can, or use kubelogin (kubectl oidc-login) as an exec plugin in its place",
    );
    expect(String(error)).not.toContain(idToken);
  });

  test.each(["", "opaque", "e30.e30.c2ln"])("throws when its id-token is %j", async (idToken) => {
    const runtime = desk({ "/a": oidc(`"${idToken}"`) });
    await expect(loadKubeconfig(runtime, { path: "/a" })).rejects.toThrow(
      /auth-provider has (?:no id-token|an id-token that is not a JWT with exp), and reanchor does not renew it; .*kubelogin/,
    );
  });

  test("reloads the kubeconfig when the server rejects it", async () => {
    const runtime = desk({});
    const now = runtime.clock.wallNow();
    const [first, second] = [jwt(now + 600_000), jwt(now + 700_000)];
    runtime.disk.set("/a", oidc(first));
    const source = await loadKubeconfig(runtime, { path: "/a" });
    const { token } = await source.current();
    await runtime.clock.advance(1_000);
    await expect(token?.reload()).rejects.toThrow(/an id-token that the server rejects/);

    runtime.disk.set("/a", oidc(second));
    await runtime.clock.advance(1_000);
    // The request continues with the kubeconfig's next config.
    expect(await token?.reload()).toBe(first);
    expect(await source.peek()?.token?.current()).toBe(second);
  });
});

describe("KUBERNETES_EXEC_INFO", () => {
  const apiVersion = "client.authentication.k8s.io/v1";

  /** The cluster information that a plugin receives. */
  async function told(cluster: object, files: Record<string, string> = {}): Promise<string> {
    const runtime = desk(files);
    let info = "";
    runtime.runs = async ({ env }) => {
      info = env["KUBERNETES_EXEC_INFO"] ?? "";
      const status = { token: "sesame" };
      return printed(JSON.stringify({ kind: "ExecCredential", apiVersion, status }));
    };
    const exec = { apiVersion, command: "x", interactiveMode: "Never", provideClusterInfo: true };
    const content = JSON.stringify({
      "current-context": "here",
      contexts: [{ name: "here", context: { cluster: "kube", user: "me" } }],
      clusters: [{ name: "kube", cluster: { server: "https://a", ...cluster } }],
      users: [{ name: "me", user: { exec } }],
    });
    const source = await loadKubeconfig(runtime, {
      content: content.replace('"LARGE"', "12345678901234567890"),
    });
    await (await source.current()).token?.current();
    return info;
  }

  const wrap = (cluster: string): string =>
    `{"kind":"ExecCredential","apiVersion":"${apiVersion}","spec":{"cluster":{"server":"https://a",${cluster}},"interactive":false}}`;

  // client-go's output, without the final newline.
  test("has a config that is null when there is no extension", async () => {
    expect(await told({})).toBe(wrap('"config":null'));
  });

  test("contains the CA as in the kubeconfig or in the file", async () => {
    const pem = `# a comment\n${anchorPem()}\ntrailing`;
    const data = { "certificate-authority-data": btoa(pem).replace(/.{64}/g, "$&\n") };
    const expected = wrap(`"certificate-authority-data":"${btoa(pem)}","config":null`);
    expect(await told(data)).toBe(expected);
    expect(await told({ "certificate-authority": "/ca.crt" }, { "/ca.crt": pem })).toBe(expected);
  });

  test("has all fields in client-go's order, and integers with all their digits", async () => {
    const cluster = {
      "disable-compression": true,
      "proxy-url": "http://proxy:1",
      "insecure-skip-tls-verify": true,
      "tls-server-name": "kube",
      extensions: [{ name: "client.authentication.k8s.io/exec", extension: { id: "LARGE" } }],
    };
    expect(await told(cluster)).toBe(
      wrap(
        '"tls-server-name":"kube","insecure-skip-tls-verify":true,"proxy-url":"http://proxy:1","disable-compression":true,"config":{"id":12345678901234567890}',
      ),
    );
  });
});
