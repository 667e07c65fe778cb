/**
 * Parsing and checking the text of a kubeconfig. The cases are those of client-go's `loader_test.go` and
 * kube-rs's `file_config.rs`, and untrusted input.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { cleanName, cleanText } from "../../../../src/clean-text.ts";
import { toJson } from "../../../../src/config/kubeconfig/exact-json.ts";
import type { Kubeconfig } from "../../../../src/config/kubeconfig/schema.ts";
import { parseKubeconfig } from "../../../../src/config/kubeconfig/parse.ts";
import { MAX_KUBECONFIG_BYTES } from "../../../../src/config/kubeconfig/yaml.ts";
import { ConfigError } from "../../../../src/errors.ts";
import * as kubeconfigs from "../../../support/kubeconfigs.ts";

const secret = "hunter2-placeholder";

function refusal(content: string | Uint8Array | object): ConfigError {
  try {
    parseKubeconfig(content, "/home/alice/.kube/config");
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

function reason(content: string | Uint8Array | object): string {
  const { message } = refusal(content);
  const beginning = "Cannot read kubeconfig /home/alice/.kube/config: ";
  expect(message.startsWith(beginning)).toBe(true);
  return message.slice(beginning.length);
}

function userText(field: string): string {
  return `users:\n- name: alice\n  user:\n    ${field}\n`;
}

const clusterText = (field: string): string =>
  `clusters:\n- name: dev\n  cluster:\n    ${field}\n    server: https://dev\n`;

describe("parseKubeconfig() reads", () => {
  const { kind, k3s, eks, gke, aks, openshift, minikube } = kubeconfigs;
  test.each(Object.entries({ kind, k3s, eks, gke, aks, openshift, minikube }))(
    "what %s writes",
    (_, text) => {
      const config = parseKubeconfig(text, "config");
      expect(config.clusters).toHaveLength(1);
      expect(config.users).toHaveLength(1);
      expect(config.contexts[0]?.name).toBe(config["current-context"]);
    },
  );

  test("JSON, since it is YAML", () => {
    const config = parseKubeconfig(
      '{"current-context":"dev","contexts":[{"name":"dev"}]}',
      "config",
    );
    expect(config["current-context"]).toBe("dev");
    expect(config.contexts).toEqual([{ name: "dev", context: {} }]);
  });

  test("an object in the same way as its text", () => {
    const object = {
      clusters: [{ name: "dev", cluster: { server: "https://dev" } }],
      users: [{ name: "alice", user: { token: null } }],
    };
    expect(parseKubeconfig(object, "content")).toEqual(
      parseKubeconfig(JSON.stringify(object), "content"),
    );
  });

  test.each(["", "\n\n", "# nothing\n", "---\n", "---\n---\n", "null", "{}", "\u{feff}"])(
    "nothing when it is empty: %j",
    (text) => {
      const config = parseKubeconfig(text, "config");
      expect(config).toMatchObject({ clusters: [], users: [], contexts: [] });
      expect(config["current-context"]).toBeUndefined();
    },
  );

  test("text with CRLF line ends", () => {
    expect(parseKubeconfig(kubeconfigs.aks.replaceAll("\n", "\r\n"), "config")).toEqual(
      parseKubeconfig(kubeconfigs.aks, "config"),
    );
  });
});

describe("parseKubeconfig() decodes UTF-16 and BOM", () => {
  const text = "current-context: zürich-🚠\n";
  const utf8 = (written: string): Uint8Array => new TextEncoder().encode(written);
  const utf16 = (written: string, isLittleEndian: boolean): Uint8Array => {
    const view = new DataView(new ArrayBuffer(written.length * 2));
    for (let i = 0; i < written.length; i++) {
      view.setUint16(i * 2, written.charCodeAt(i), isLittleEndian);
    }
    return new Uint8Array(view.buffer);
  };

  test.each<[string, Uint8Array | string]>([
    ["UTF-8", utf8(text)],
    ["UTF-8 with a BOM", utf8(`\u{feff}${text}`)],
    ["UTF-16 LE with a BOM", utf16(`\u{feff}${text}`, true)],
    ["UTF-16 BE with a BOM", utf16(`\u{feff}${text}`, false)],
    ["text with a BOM", `\u{feff}${text}`],
  ])("when it is %s", (_, content) => {
    expect(parseKubeconfig(content, "config")["current-context"]).toBe("zürich-🚠");
  });

  test.each([
    ["UTF-8", Uint8Array.of(0x61, 0xff, 0x62)],
    ["UTF-16LE", Uint8Array.of(0xff, 0xfe, 0x00, 0xd8)],
    ["UTF-16BE", Uint8Array.of(0xfe, 0xff, 0xd8, 0x00)],
  ])("not when it is malformed %s", (encoding, bytes) => {
    expect(reason(bytes)).toBe(`it is not ${encoding} text`);
  });
});

describe("parseKubeconfig() uses the last value, with a warning, when", () => {
  function read(text: string): { config: Kubeconfig; warnings: string[] } {
    const warnings: string[] = [];
    return { config: parseKubeconfig(text, "config", (it) => warnings.push(it)), warnings };
  }

  test.each([
    ["a user's", userText("token: first\n    token: last"), "line 5, column 5"],
    ["a merge", userText("<<: {token: first}\n    <<: {token: last}"), "line 5, column 5"],
    ["the outermost", `users: [{name: bob}]\n${userText("token: last")}`, "line 2, column 1"],
  ])("%s key is there twice", (_, text, place) => {
    const { config, warnings } = read(text);
    expect(config.users).toMatchObject([{ name: "alice", user: { token: "last" } }]);
    expect(warnings).toEqual([
      `Kubeconfig config: ${place}: a key is there twice in one mapping; the last wins`,
    ]);
  });

  test("never: a text without anything odd", () => {
    expect(read(kubeconfigs.aks).warnings).toEqual([]);
  });

  test("it contains several YAML documents: only the first, whatever the others contain", () => {
    const first = userText("token: first");
    for (const second of [userText("token: second"), "[}", `"${secret}`]) {
      const { config, warnings } = read(`${first}---\n${second}`);
      expect(config.users).toMatchObject([{ name: "alice", user: { token: "first" } }]);
      expect(warnings).toEqual([
        "Kubeconfig config: it holds several YAML documents; only the first is read, and not what begins at line 5",
      ]);
    }
    // An empty document is one too.
    expect(read(`---\n---\n${first}`).config.users).toEqual([]);
  });
});

describe("parseKubeconfig() checks only the form of fields that are not used:", () => {
  test.each([
    ["a nameless entry", "users: [{user: {token: x}}, {name: a}]"],
    ["an entry that is null", "users: [null, {name: a}]\nclusters: [~]\ncontexts: [null]"],
    ["an extension that is null", clusterText("extensions: [null, {name: a, extension: null}]")],
    ["an unknown interactiveMode", userText("exec: {interactiveMode: Sometimes, env: [null]}")],
    ["an unknown apiVersion of a plugin", userText("exec: {apiVersion: v0}")],
    ["two nameless extensions of no cluster", userText("extensions: [null, null]")],
    ["null in a list of text", userText("as-groups: [null]\n    exec: {args: [null]}")],
  ])("%s", (_, text) => {
    expect(() => parseKubeconfig(text, "config")).not.toThrow();
  });

  test("null in a list of text is the empty text", () => {
    const { users } = parseKubeconfig(userText("as-groups: [a, null]"), "config");
    expect(users[0]?.user["as-groups"]).toEqual(["a", ""]);
  });

  test.each(["preferences: {colors: 1}", "preferences: x", "extensions: x"])("%s", (text) => {
    expect(reason(text)).toMatch(/^(?:preferences|extensions) \(line 1\) is /);
  });
});

describe("parseKubeconfig() treats unquoted values of kubectl as", () => {
  test.each(["12e4567", "99999e99999", "12E4567", "-1e400", "0xfffffffffffffffffff"])(
    "a name such as %s, which no number can represent",
    (name) => {
      expect(parseKubeconfig(`current-context: ${name}\n`, "config")["current-context"]).toBe(name);
    },
  );

  test.each(["1e5", "12345678901234567890", "123456789012345678901234567890", "0x1F", "0"])(
    "not a name such as %s, which is a number",
    (name) => {
      expect(reason(`current-context: ${name}\n`)).toContain("is a number, but must be text");
    },
  );

  test("integers of 64 bits in an extension, which keep their digits", () => {
    const numbers = "[9007199254740993, 18446744073709551615, -9223372036854775808, 5]";
    const text = clusterText(`extensions: [{name: a, extension: ${numbers}}]`);
    const { clusters } = parseKubeconfig(text, "config");
    expect(toJson(clusters[0]?.cluster.extensions[0]?.extension)).toBe(numbers.replaceAll(" ", ""));
    const larger = clusterText(
      "extensions: [{name: a, extension: 123456789012345678901234567890}]",
    );
    const [cluster] = parseKubeconfig(larger, "config").clusters;
    expect(toJson(cluster?.cluster.extensions[0]?.extension)).toBe("1.2345678901234568e+29");
  });
});

describe("parseKubeconfig() keeps unknown keys", () => {
  test("at every level", () => {
    const config = parseKubeconfig(
      `preferences: {colors: true}
clusters: [{name: dev, note: a, cluster: {server: https://dev, note: b}}]
users: [{name: alice, note: c, user: {token: t, note: d, exec: {command: x, note: e}}}]
contexts: [{name: dev, note: f, context: {cluster: dev, note: null}}]
`,
      "config",
    );
    expect(config).toMatchObject({
      preferences: { colors: true },
      clusters: [{ note: "a", cluster: { note: "b" } }],
      users: [{ note: "c", user: { note: "d", exec: { note: "e" } } }],
      contexts: [{ note: "f", context: { note: null } }],
    });
  });

  test("and an extension's null", () => {
    const extensions = "extensions: [{name: a, extension: {b: null, c: [null]}}]";
    const { clusters } = parseKubeconfig(clusterText(extensions), "config");
    expect(clusters[0]?.cluster.extensions).toEqual([
      { name: "a", extension: { b: null, c: [null] } },
    ]);
  });
});

describe("parseKubeconfig() treats null as absent", () => {
  test.each(["clusters", "users", "contexts", "current-context", "kind", "apiVersion"])(
    "in %s",
    (key) => {
      expect(parseKubeconfig(`${key}: null\n`, "config")).toEqual(parseKubeconfig("{}", "config"));
    },
  );

  test.each([
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "tokenFile",
    "as",
    "as-uid",
    "as-groups",
    "as-user-extra",
    "username",
    "password",
    "auth-provider",
    "exec",
  ])("in a user's %s, null secrets among them", (key) => {
    const { users } = parseKubeconfig(userText(`${key}: null`), "config");
    expect(users).toEqual([{ name: "alice", user: expect.objectContaining({ "as-groups": [] }) }]);
  });

  test.each([
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority",
    "certificate-authority-data",
    "proxy-url",
    "disable-compression",
    "extensions",
  ])("in a cluster's %s", (key) => {
    const { clusters } = parseKubeconfig(clusterText(`${key}: ~`), "config");
    expect(clusters[0]?.cluster).toEqual({ server: "https://dev", extensions: [] });
  });

  test.each(["args", "env", "installHint", "provideClusterInfo", "interactiveMode"])(
    "in exec's %s",
    (key) => {
      const { users } = parseKubeconfig(userText(`exec: {command: aws, ${key}: }`), "config");
      expect(users[0]?.user.exec).toEqual({ command: "aws", args: [], env: [] });
    },
  );

  test("where a cluster, a user or a context is", () => {
    const text =
      "clusters: [{name: a, cluster: }]\nusers: [{name: b}]\ncontexts: [{name: c, context: ~}]";
    expect(parseKubeconfig(text, "config")).toMatchObject({
      clusters: [{ name: "a", cluster: {} }],
      users: [{ name: "b", user: {} }],
      contexts: [{ name: "c", context: {} }],
    });
  });

  test("in a group's extra values", () => {
    const { users } = parseKubeconfig(
      userText("as-user-extra: {scopes: null, constructor: [a]}"),
      "c",
    );
    expect(users[0]?.user["as-user-extra"]).toEqual({ scopes: [], constructor: ["a"] });
  });

  test("and the empty word for an absent kind or apiVersion", () => {
    expect(parseKubeconfig('kind: ""\napiVersion: ""\n', "config")).toEqual(
      parseKubeconfig("{}", "config"),
    );
  });
});

describe("parseKubeconfig() names the path and the line when", () => {
  test.each([
    [
      "token: 12345",
      "users[0].user.token (line 4) is a number, but must be text; put it in quotes",
    ],
    [
      "password: true",
      "users[0].user.password (line 4) is a boolean, but must be text; put it in quotes",
    ],
    ["username: [a]", "users[0].user.username (line 4) is a list, but must be text"],
    ["as: {a: b}", "users[0].user.as (line 4) is a mapping, but must be text"],
    ["as-groups: devs", "users[0].user.as-groups (line 4) is text, but must be a list"],
    [
      "as-groups: [devs, 1]",
      "users[0].user.as-groups[1] (line 4) is a number, but must be text; put it in quotes",
    ],
    ["as-user-extra: [a]", "users[0].user.as-user-extra (line 4) is a list, but must be a mapping"],
    [
      "as-user-extra: {a: [1]}",
      "users[0].user.as-user-extra.a[0] (line 4) is a number, but must be text; put it in quotes",
    ],
    ["exec: aws", "users[0].user.exec (line 4) is text, but must be a mapping"],
    [
      "exec: {args: [a, 8]}",
      "users[0].user.exec.args[1] (line 4) is a number, but must be text; put it in quotes",
    ],
    ["exec: {env: {A: b}}", "users[0].user.exec.env (line 4) is a mapping, but must be a list"],
    [
      "exec:\n      apiVersion: a\n      command: [aws]",
      "users[0].user.exec.command (line 6) is a list, but must be text",
    ],
    [
      "auth-provider: {config: {a: 1}}",
      "users[0].user.auth-provider.config.a (line 4) is a number, but must be text; put it in quotes",
    ],
    [
      "token: 12345678901234567890",
      "users[0].user.token (line 4) is a number, but must be text; put it in quotes",
    ],
    ["extensions: text", "users[0].user.extensions (line 4) is not of the form that kubectl takes"],
    [
      "client-key-data: a b",
      "users[0].user.client-key-data (line 4) is not base64; it takes PEM text encoded in base64",
    ],
  ])("a user has %j", (field, expected) => {
    expect(reason(userText(field))).toBe(expected);
  });

  test("a namespace is a number", () => {
    expect(reason("contexts:\n- name: dev\n  context:\n    namespace: 123\n")).toBe(
      "contexts[0].context.namespace (line 4) is a number, but must be text; put it in quotes",
    );
  });

  test("two names are missing, which is one name twice: the line of its entry", () => {
    expect(reason("clusters: []\nusers:\n- name: a\n- user: {}\n- name: null\n")).toBe(
      "users[2].name (line 5) is empty or missing, which is there twice; rename one",
    );
  });

  test("an extension's name is a duplicate", () => {
    const twice = "extensions: [{name: a, extension: {}}, {name: a, extension: 1}]";
    expect(reason(clusterText(twice))).toBe(
      "clusters[0].cluster.extensions (line 4) holds a name twice; rename one",
    );
    expect(reason(userText(twice))).toContain(
      "users[0].user.extensions (line 4) is not of the form",
    );
    // Null is not an object.
    const once = clusterText("extensions: [{name: a}, {name: a}, {name: a, extension: 1}]");
    expect(() => parseKubeconfig(once, "config")).not.toThrow();
  });

  test("the error is behind an alias or a merge key: the line that uses it", () => {
    expect(reason("x: &x {token: 1}\nusers:\n- name: a\n  user: *x\n")).toContain(
      "users[0].user.token (line 4) is a number",
    );
    expect(reason("x: &x {token: 1}\nusers:\n- name: a\n  user:\n    <<: *x\n")).toContain(
      "users[0].user.token (line 5) is a number",
    );
  });

  test("an object is wrong: the path alone", () => {
    expect(reason({ users: [{ name: "alice", user: { token: 5 } }] })).toBe(
      "users[0].user.token is a number, but must be text; put it in quotes",
    );
    expect(reason({ users: [{ name: "alice", user: { token: () => secret } }] })).toBe(
      "users[0].user.token is of no kind that YAML has, but must be text",
    );
  });

  test.each(["yes", "on", "Yes", "y", '"true"', "1", "!!str true"])(
    "insecure-skip-tls-verify is %s, which must not silently become true",
    (value) => {
      const text = clusterText(`insecure-skip-tls-verify: ${value}`);
      const expected =
        /^clusters\[0\]\.cluster\.insecure-skip-tls-verify \(line \d\) is .*, but must be true or false$/;
      expect(reason(text)).toMatch(expected);
      expect(reason(`%YAML 1.1\n---\n${text}`)).toMatch(expected);
    },
  );

  test.each(["true", "True", "TRUE"])("not when insecure-skip-tls-verify is %s", (value) => {
    const { clusters } = parseKubeconfig(
      clusterText(`insecure-skip-tls-verify: ${value}`),
      "config",
    );
    expect(clusters[0]?.cluster["insecure-skip-tls-verify"]).toBe(true);
  });

  test.each([
    ["kind: Secret\n", "kind (line 1) must be Config"],
    ["apiVersion: v2\n", "apiVersion (line 1) must be v1"],
    ["kind: Config\napiVersion: apps/v1\n", "apiVersion (line 2) must be v1"],
  ])("it is of another kind or version: %j", (text, expected) => {
    expect(reason(text)).toBe(expected);
  });

  // client-go rejects such a file too (`Convert_Slice_v1_NamedCluster_To_Map`).
  test.each(["clusters", "users", "contexts"])("one document has duplicate names in %s", (list) => {
    expect(reason(`${list}:\n- name: a\n- name: b\n- name: a\n`)).toBe(
      `${list}[2].name (line 4) is a, which is there twice; rename one`,
    );
  });

  test.each(["words", "- a\n- b\n", "12", "true"])("it is not a mapping: %j", (text) => {
    expect(reason(text)).toBe("it is no mapping; a kubeconfig has clusters, users and contexts");
  });
});

describe("parseKubeconfig() names line and column and never quotes the text when", () => {
  test.each([
    ["a bracket is missing", `users: [{name: ${secret}`, /^line 1, column \d+: it is not YAML: /],
    [
      "a quote is missing",
      `a: 1\ntoken: "${secret}\n`,
      /^line \d, column \d+: it is not YAML: a bracket, quote/,
    ],
    ["a tab indents", `a:\n\t- ${secret}\n`, /^line 2, column 1: it is not YAML: a tab/],
    [
      "a value holds a colon",
      `token: ${secret}: b\n`,
      /^line 1, column \d+: it is not YAML: a mapping or list begins/,
    ],
    [
      "an escape is unknown",
      `token: "\\q${secret}"\n`,
      /^line 1, column \d+: it is not YAML: text in double quotes/,
    ],
    [
      "a character is reserved",
      `token: @${secret}\n`,
      /^line 1, column 8: it is not YAML: text begins with/,
    ],
    ["an alias is unknown", `token: *${secret}\n`, /^line 1, column 8: an alias has no anchor/],
    [
      "an alias is within its anchor",
      `a: &${secret} [*${secret}]\n`,
      /^line 1, column \d+: an alias has no anchor/,
    ],
    [
      "an alias is within its anchor, which was set before",
      `a: &${secret} 1\nb: &${secret} [*${secret}]\n`,
      /^line 2, column \d+: an alias has no anchor/,
    ],
    ["a key is null", `a: {~: ${secret}}\n`, /^line 1, column 5: a key is null$/],
    ["a number is infinite", `a: .inf\n# ${secret}`, /^line 1, column 4: a number is infinite/],
    ["a key is a list", `? [${secret}]\n: 1\n`, /^line 1, column 3: a key is a mapping or a list$/],
    ["a merge key holds no mapping", `a:\n  <<: ${secret}\n`, /^line 2, column 7: a merge key/],
    ["a token is a number", userText(`token: 8675309`), /^users\[0\]/],
    ["it is no mapping", secret, /^it is no mapping/],
    ["a directive is bad", `%YAML ${secret}\n---\nkind: ${secret}\n`, /must be Config$|^line 1/],
  ])("%s", (_, text, expected) => {
    const error = refusal(text);
    expect(reason(text)).toMatch(expected);
    const shown = [String(error), error.stack, JSON.stringify(error), String(error.cause)].join();
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain("8675309");
    expect(error.cause).toBeUndefined();
  });
});

describe("parseKubeconfig() fails quickly on a bomb", () => {
  const levels = "abcdefghijklmnop".split("");
  const bomb = (wrap: (aliases: string) => string): string =>
    levels
      .map(
        (name, i) =>
          `${name}: &${name} ${i === 0 ? "{x: y}" : wrap(Array.from({ length: 9 }, () => `*${levels[i - 1]}`).join(", "))}`,
      )
      .join("\n");

  test.each([
    ["of aliases", bomb((aliases) => `[${aliases}]`)],
    ["of merge keys", bomb((aliases) => `{<<: [${aliases}]}`)],
    [
      "of aliases in users",
      `a: &a [${"x, ".repeat(1000)}]\nb: &b [${"*a, ".repeat(3000)}]\nusers: *b\n`,
    ],
  ])("%s", (_, text) => {
    expect(reason(text)).toMatch(/^line \d+, column \d+: it holds more than 3000000 values/);
  });

  test.each([
    ["lists", `a: ${"[".repeat(200)}${"]".repeat(200)}`],
    ["lists, more than a stack holds", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["mappings", `${"{a: ".repeat(3000)}1${"}".repeat(3000)}`],
    ["block lists", "- ".repeat(3000)],
  ])("of nested %s", (_, text) => {
    expect(reason(text)).toMatch(
      /^line 1, column \d+: (?:it is not YAML: )?it is nested too deeply$/,
    );
  });

  test("of an object that holds itself", () => {
    const object: Record<string, unknown> = {};
    object["self"] = object;
    expect(reason(object)).toBe("it is nested too deeply, or holds itself");
  });

  test("of an object that holds too many values", () => {
    let list: unknown[] = ["x"];
    for (let i = 0; i < 22; i++) list = [list, list];
    expect(reason({ list })).toBe("it holds more than 3000000 values");
  });

  test("of more than 16 MiB", () => {
    const text = `#${"x".repeat(MAX_KUBECONFIG_BYTES)}`;
    expect(reason(text)).toBe("it is larger than 16 MiB");
    expect(reason(new TextEncoder().encode(text))).toBe("it is larger than 16 MiB");
    expect(parseKubeconfig(text.slice(0, -1), "config").users).toEqual([]);
  });

  test("but reads an object with thousands of entries", () => {
    const text = `users:\n${Array.from({ length: 10_000 }, (_, i) => `- {name: u${i}, user: {token: t${i}}}\n`).join("")}`;
    expect(parseKubeconfig(text, "config").users).toHaveLength(10_000);
  });
});

describe("parseKubeconfig() is not harmed by keys", () => {
  const hostile = `__proto__: {polluted: 1}
constructor: {prototype: {polluted: 1}}
clusters:
- name: dev
  cluster:
    __proto__: {server: https://evil, insecure-skip-tls-verify: true}
    constructor: {prototype: {polluted: 1}}
    hasOwnProperty: 1
users:
- name: alice
  user:
    __proto__: {token: evil, exec: {command: evil}}
    "__proto__ ": 1
    as-user-extra: {__proto__: [evil]}
    exec:
      __proto__: {command: evil}
`;

  test.each<[string, string | object]>([
    ["YAML", hostile],
    ["a merge key", hostile.replaceAll(/__proto__: (\{.*\})/g, "<<: {__proto__: $1}")],
    [
      "JSON's object",
      JSON.parse(
        '{"__proto__":{"polluted":1},"clusters":[{"name":"dev","cluster":{"__proto__":{"server":"https://evil"}}}],"users":[{"name":"alice","user":{"__proto__":{"token":"evil"},"exec":{"__proto__":{"command":"evil"}},"as-user-extra":{"__proto__":["evil"]}}}]}',
      ) as object,
    ],
    [
      "an object's prototype",
      {
        clusters: [{ name: "dev", cluster: Object.create({ server: "https://evil" }) as object }],
        users: [
          {
            name: "alice",
            user: Object.assign(Object.create({ token: "evil" }) as object, {
              exec: Object.create({ command: "evil" }) as object,
              "as-user-extra": {},
            }),
          },
        ],
      },
    ],
  ])("such as __proto__ and constructor in %s", (_, content) => {
    const before = Reflect.ownKeys(Object.prototype);
    const { clusters, users } = parseKubeconfig(content, "config");
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
    expect(cluster?.server).toBeUndefined();
    expect(cluster?.["insecure-skip-tls-verify"]).toBeUndefined();
    expect(user?.token).toBeUndefined();
    expect(user?.exec?.command).toBeUndefined();
    expect(Object.keys(user?.["as-user-extra"] ?? {})).toEqual([]);
  });

  test("such as __proto__ in preserved data: they are left out", () => {
    const text = clusterText("extensions: [{name: a, extension: {__proto__: {b: 1}, c: 1}}]");
    const { clusters } = parseKubeconfig(`__proto__: {d: 1}\n${text}`, "config");
    const extension = clusters[0]?.cluster.extensions[0]?.extension;
    expect(Reflect.ownKeys(extension as object)).toEqual(["c"]);
    expect(Reflect.get(extension as object, "b")).toBeUndefined();
  });
});

describe("parseKubeconfig() follows merge keys and tags", () => {
  test("a mapping's own values take precedence over merged ones, and of those the first", () => {
    const { clusters } = parseKubeconfig(
      `a: &a {server: https://a, proxy-url: http://a, tls-server-name: a}
b: &b {server: https://b, proxy-url: http://b, disable-compression: true}
clusters:
- name: dev
  cluster: {tls-server-name: own, <<: [*a, *b]}
`,
      "config",
    );
    expect(clusters[0]?.cluster).toEqual({
      server: "https://a",
      "proxy-url": "http://a",
      "tls-server-name": "own",
      "disable-compression": true,
      extensions: [],
    });
  });

  test("a redefined anchor refers to the later definition", () => {
    const { contexts } = parseKubeconfig(
      "a: &a one\nb: *a\nc: &a two\ncontexts: [{name: x, context: {cluster: *a}}]\n",
      "config",
    );
    expect(contexts[0]?.context.cluster).toBe("two");
  });

  test("a quoted << is an ordinary key", () => {
    expect(parseKubeconfig('"<<": 5\n', "config")).toMatchObject({ "<<": 5 });
  });

  test("an unknown tag does not change the text", () => {
    const { users } = parseKubeconfig(userText(`token: !vault ${secret}`), "config");
    expect(users[0]?.user.token).toBe(secret);
  });
});

describe("cleanName() and cleanText()", () => {
  test.each([
    ["a colour", "\u{1b}[31mred\u{1b}[0m", "red"],
    ["a colour by C1", "\u{9b}31mred", "red"],
    ["a title", "\u{1b}]0;owned\u{7}name", "]0;owned name"],
    ["a line end", "one\r\ntwo", "one two"],
    ["a right-to-left override", "a\u{202e}b", "a b"],
    ["nothing", "arn:aws:eks:eu:1:cluster/shop[1]", "arn:aws:eks:eu:1:cluster/shop[1]"],
  ])("removes %s when a text has ANSI escapes or control characters", (_, text, expected) => {
    expect(cleanText(text)).toBe(expected);
  });

  test("cleanName() shortens text that is longer than 100 characters", () => {
    expect(cleanName("x".repeat(1000))).toHaveLength(100);
  });

  test("parseKubeconfig() cleans the names in its messages", () => {
    expect(reason('users:\n- name: "\\e[31ma"\n- name: "\\e[31ma"\n')).toContain("is a, which");
    expect(reason(userText('as-user-extra: {"\\e[2Jk": 1}'))).toContain("as-user-extra.k (line 4)");
  });
});
