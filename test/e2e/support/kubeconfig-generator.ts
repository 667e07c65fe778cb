/**
 * Generates kubeconfigs from a seed. Most are like those that tools write, and many contain an oddity. An
 * oddity that reanchor and kubectl are known to treat differently has the name of that difference.
 *
 * @module
 */

/** A difference from kubectl, named by the first cell of its row in `docs/connecting.md`. */
export type Oddity =
  | "has both `x` and `x-data` (CA, certificate, key)"
  | "has `yes`, `no`, `on`, `off`, `y`, `n`, `1_000` or `0b1` without quotes (YAML 1.1)"
  | "has a merge key (`<<`) after a key that it also holds"
  | "has `auth-provider: oidc` without `idp-issuer-url` or `client-id`"
  | "names an unknown user"
  | "has a context, cluster or user without a name"
  | "selects no cluster: it is empty, or has no `current-context`, a context without a cluster or an unknown cluster"
  | "has a server without a scheme, as in `host:6443`"
  | "has `http://` with a CA or credentials"
  | "has a server with another scheme, a user, a query or a fragment"
  | "names an empty CA file"
  | "has `insecure-skip-tls-verify` with a CA"
  | "has a damaged certificate beside good ones in a CA bundle"
  | "has a token with characters that a header can't carry, or white space around it"
  | "has a user name with a colon"
  | "impersonates with characters beyond ASCII, or with a value that is empty or has white space around it";

type OddityName =
  | "dataAndFile"
  | "yaml11"
  | "merge"
  | "oidc"
  | "nameless"
  | "unknownUser"
  | "noCluster"
  | "noScheme"
  | "http"
  | "server"
  | "emptyCa"
  | "insecureCa"
  | "damagedCa"
  | "token"
  | "colon"
  | "impersonation";

/** The files that kubeconfigs may name. */
export interface NamedFiles {
  /** The folder of the kubeconfigs. The files that they name are in `../pki/`. */
  readonly folder: string;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** A generated case. */
export interface KubeconfigCase {
  /** The files in order of precedence; `undefined` stands for a missing one. */
  readonly texts: readonly (string | Uint8Array | undefined)[];
  /** Whether the first file is passed explicitly, so that the others are not read. */
  readonly isExplicit: boolean;
  readonly overrides: Readonly<Record<"context" | "cluster" | "user" | "namespace", string>>;
  readonly oddities: ReadonlySet<Oddity>;
}

/** YAML source of a scalar, a list or a mapping that may contain duplicate keys. */
type Yaml = string | readonly Yaml[] | Mapping;

class Mapping {
  readonly entries: [string, Yaml][] = [];

  add(key: string, value: Yaml): this {
    this.entries.push([key, value]);
    return this;
  }
}

function write(yaml: Yaml): string {
  if (typeof yaml === "string") return yaml;
  if (!(yaml instanceof Mapping)) return `[${yaml.map(write).join(", ")}]`;
  return `{${yaml.entries.map(([key, value]) => `${key}: ${write(value)}`).join(", ")}}`;
}

const execVersion = "client.authentication.k8s.io/v1";

/** Generates the case of a seed. */
export function generateKubeconfig(seed: number, files: NamedFiles): KubeconfigCase {
  return new Generator(seed, files).generate();
}

class Generator {
  readonly #files: NamedFiles;
  readonly #oddities = new Set<Oddity>();
  #state: number;

  constructor(seed: number, files: NamedFiles) {
    this.#state = Math.imul(seed, 0x9e3779b1);
    this.#files = files;
  }

  generate(): KubeconfigCase {
    const count = this.#pick([1, 1, 1, 1, 2, 2, 3]);
    const texts = Array.from({ length: count }, () =>
      this.#chance(0.04) ? undefined : this.#encode(this.#text()),
    );
    const override = (names: readonly string[]): string =>
      this.#chance(0.06) ? this.#pick(names) : "";
    return {
      texts,
      isExplicit: this.#chance(0.2),
      overrides: {
        context: override(["here", "there", "nowhere"]),
        cluster: override(["kube", "prod", "nowhere"]),
        user: override(["me", "bob", "nobody"]),
        namespace: override(["shop"]),
      },
      oddities: this.#oddities,
    };
  }

  /** Mulberry32. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[Math.floor(this.#random() * values.length)] as Value;
  }

  #odd<Value>(oddity: Oddity, value: Value): Value {
    this.#oddities.add(oddity);
    return value;
  }

  #encode(text: string): string | Uint8Array {
    if (this.#chance(0.03)) return `\u{feff}${text}`;
    if (this.#chance(0.03)) return text.replaceAll("\n", "\r\n");
    if (!this.#chance(0.02)) return text;
    const view = new DataView(new ArrayBuffer(2 * text.length + 2));
    view.setUint16(0, 0xfeff, true);
    for (let i = 0; i < text.length; i++) view.setUint16(2 * i + 2, text.charCodeAt(i), true);
    return new Uint8Array(view.buffer);
  }

  #text(): string {
    if (this.#chance(0.02)) return this.#pick(["", "\n", "# nothing\n", "---\n", "null\n", "{}\n"]);
    if (this.#chance(0.01)) return this.#pick(["words\n", "[a]\n", "clusters: [\n", "a: {\n"]);
    const parts: string[] = [];
    const add = (key: string, value: Yaml): void => void parts.push(`${key}: ${write(value)}\n`);
    if (this.#chance(0.8)) add("apiVersion", this.#chance(0.02) ? this.#pick(["v2", '""']) : "v1");
    if (this.#chance(0.8)) add("kind", this.#chance(0.02) ? this.#pick(["Pod", "~"]) : "Config");
    if (this.#chance(0.97)) add("clusters", this.#named("cluster", ["kube", "prod"]));
    if (this.#chance(0.97)) add("users", this.#named("user", ["me", "bob"]));
    if (this.#chance(0.97)) add("contexts", this.#named("context", ["here", "there"]));
    if (this.#chance(0.95)) {
      const odd = this.#chance(0.08);
      const current = odd ? this.#pick(["nowhere", '""']) : this.#pick(["here", "here", "there"]);
      add("current-context", this.#scalar(current));
    }
    if (this.#chance(0.1)) {
      const odd = this.#chance(0.1) ? "{colors: 1}" : "{colors: true, extensions: [null]}";
      add("preferences", this.#pick(["{}", odd]));
    }
    if (this.#chance(0.05)) add("unknown", this.#anything());
    if (this.#chance(0.02)) add("users", this.#named("user", ["me", "bob"]));
    const text = parts.join("");
    if (this.#chance(0.02)) return `---\n---\n${text}`;
    if (this.#chance(0.04)) return `${text}---\n${this.#pick(["[}", "users: 5\n", text])}`;
    return text;
  }

  /** A list of entries, each of which may be missing, nameless, null or duplicate. */
  #named(kind: "cluster" | "user" | "context", names: readonly string[]): Yaml {
    if (this.#chance(0.01)) return this.#anything();
    const list: Yaml[] = [];
    for (const name of names) {
      if (this.#chance(0.04)) continue;
      list.push(new Mapping().add("name", this.#name(name)).add(kind, this.#entry(kind)));
    }
    if (this.#chance(0.03)) {
      list.push(this.#odd(oddities.nameless, this.#pick(["null", "{}", "{name: null}"])));
    }
    if (this.#chance(0.02)) {
      list.push(this.#odd(oddities.nameless, new Mapping().add(kind, this.#entry(kind))));
    }
    if (this.#chance(0.01)) list.push(new Mapping().add("name", names[0] ?? ""));
    return list;
  }

  #name(name: string): Yaml {
    const written = this.#scalar(name);
    const isNone = written === "null" || written === "~" || written === '""';
    return isNone ? this.#odd(oddities.nameless, written) : written;
  }

  #entry(kind: "cluster" | "user" | "context"): Yaml {
    if (this.#chance(0.01)) return this.#pick(["null", "text", "[]", "5"]);
    const entry =
      kind === "cluster" ? this.#cluster() : kind === "user" ? this.#user() : this.#context();
    if (this.#chance(0.03)) entry.add("unknown", this.#anything());
    if (this.#chance(0.02)) entry.add("extensions", this.#pick(["null", "[null]", "text"]));
    if (this.#chance(0.02) && entry.entries.length > 0) {
      const [key, value] = this.#pick(entry.entries);
      entry.add(key, this.#chance(0.5) ? value : "null");
    }
    if (kind === "user" && this.#chance(0.02)) entry.entries.unshift(["<<", "{token: merged}"]);
    if (kind === "user" && this.#chance(0.08)) {
      entry.add("<<", this.#odd(oddities.merge, "{token: merged}"));
    }
    return entry;
  }

  #context(): Mapping {
    const context = new Mapping();
    if (this.#chance(0.95)) {
      context.add(
        "cluster",
        this.#scalar(this.#chance(0.05) ? "none" : this.#pick(["kube", "prod"])),
      );
    }
    if (this.#chance(0.9)) {
      context.add("user", this.#scalar(this.#chance(0.05) ? "nobody" : this.#pick(["me", "bob"])));
    }
    if (this.#chance(0.3)) context.add("namespace", this.#scalar(this.#pick(["shop", "default"])));
    return context;
  }

  #cluster(): Mapping {
    const cluster = new Mapping();
    if (this.#chance(0.98)) cluster.add("server", this.#server());
    this.#ca(cluster);
    if (this.#chance(0.08)) {
      const flag = this.#chance(0.1) ? this.#pick(['"true"', "1", "null", "false"]) : "true";
      const yes = (): string => this.#odd(oddities.yaml11, this.#pick(["yes", "on", "y"]));
      cluster.add("insecure-skip-tls-verify", this.#chance(0.1) ? yes() : flag);
    }
    if (this.#chance(0.1)) cluster.add("tls-server-name", this.#scalar("internal"));
    if (this.#chance(0.1)) cluster.add("disable-compression", this.#pick(["true", "false", "~"]));
    if (this.#chance(0.1)) {
      const good = ["http://proxy:3128", "https://proxy", "socks5://proxy:1080"];
      const urls = this.#chance(0.1) ? ["ftp://x", "proxy:1"] : good;
      cluster.add("proxy-url", this.#scalar(this.#pick(urls)));
    }
    if (this.#chance(0.2)) {
      const extension = this.#pick([
        "{audience: kube, id: 12345678901234567890, list: [1, null, 9007199254740993]}",
        "{a: 1e3, b: 1.5, c: 0x10, d: 123456789012345678901234567890, e: 12e4567}",
        "text",
        "null",
        "[5]",
      ]);
      const name = this.#pick(["client.authentication.k8s.io/exec", "other"]);
      cluster.add("extensions", [
        new Mapping().add("name", name).add("extension", extension),
        ...(this.#chance(0.1) ? [this.#pick(["null", "{name: more}", "{name: other}"])] : []),
      ]);
    }
    return cluster;
  }

  #server(): Yaml {
    const roll = this.#random();
    if (roll < 0.04) return this.#odd(oddities.http, '"http://kube.example:8080"');
    if (roll < 0.08) {
      const servers = ["kube.example:6443", "kube.example", '"[::1]:6443"'];
      return this.#odd(oddities.noScheme, this.#pick(servers));
    }
    if (roll < 0.11) {
      const servers = ["ftp://kube", "https://u:p@kube", "https://kube?a=b", "https://kube/a#b"];
      return this.#odd(oddities.server, JSON.stringify(this.#pick(servers)));
    }
    if (roll < 0.13)
      return this.#pick(['"//kube"', '"https://"', '"kube:1/a"', '""', '" https://a"']);
    const servers = ["https://kube.example:6443", "https://10.0.0.1", "https://kube/prefix/a"];
    const written = this.#scalar(this.#pick(servers));
    const hasScheme = typeof written === "string" && written.startsWith('"https:');
    return hasScheme ? written : this.#odd(oddities.noScheme, written);
  }

  #ca(cluster: Mapping): void {
    const roll = this.#random();
    const set = (file: string | undefined, pem: string | undefined): void => {
      if (file !== undefined) cluster.add("certificate-authority", this.#path(file));
      if (pem !== undefined) cluster.add("certificate-authority-data", this.#data(pem));
    };
    const { ca } = this.#files;
    if (roll < 0.3) set(undefined, ca);
    else if (roll < 0.5) set("ca.crt", undefined);
    else if (roll < 0.52) set("none.crt", undefined);
    else if (roll < 0.54) this.#odd(oddities.emptyCa, set("empty", undefined));
    else if (roll < 0.57) this.#odd(oddities.dataAndFile, set("ca.crt", ca));
    else if (roll < 0.6) {
      const damaged = "-----BEGIN CERTIFICATE-----\nMAMBAf8=\n-----END CERTIFICATE-----\n";
      this.#odd(oddities.damagedCa, set(undefined, `${ca}${damaged}`));
    } else if (roll < 0.61) set(undefined, "words");
    else if (roll < 0.63)
      cluster.add("certificate-authority-data", this.#pick(['"a b="', "a-_=", "YQ"]));
  }

  #user(): Mapping {
    const user = new Mapping();
    // One way to authenticate or none, and sometimes a second one.
    const only = this.#pick([
      "token",
      "token",
      "tokenFile",
      "basic",
      "pair",
      "exec",
      "exec",
      "oidc",
      "",
    ]);
    const has = (way: string): boolean => way === only || this.#chance(0.04);
    if (has("token")) user.add("token", this.#token());
    if (has("tokenFile")) user.add("tokenFile", this.#path(this.#chance(0.1) ? "none" : "token"));
    if (has("basic")) {
      const odd = this.#chance(0.1);
      user.add("username", odd ? this.#odd(oddities.colon, '"a:b"') : this.#scalar("alice"));
      if (this.#chance(0.8)) user.add("password", this.#scalar(this.#pick(["secret", "ä", "a:b"])));
    }
    if (has("pair")) this.#pair(user);
    if (has("exec")) user.add("exec", this.#exec());
    if (has("oidc")) user.add("auth-provider", this.#provider());
    if (this.#chance(0.12)) this.#impersonation(user);
    return user;
  }

  #token(): Yaml {
    if (this.#chance(0.04)) {
      return this.#odd(
        oddities.token,
        this.#pick(['"sesämé"', '" sesame "', '"sesame\\n"', '"a\\u0001"']),
      );
    }
    if (this.#chance(0.04)) {
      return this.#odd(oddities.yaml11, this.#pick(["yes", "no", "on", "off", "1_000", "0b11"]));
    }
    return this.#scalar("sesame");
  }

  #pair(user: Mapping): void {
    const { certificate, key } = this.#files;
    const add = (field: string, file: string, pem: string): void => {
      const roll = this.#random();
      if (roll < 0.04) return;
      if (roll < 0.07) {
        this.#odd(oddities.dataAndFile, undefined);
        user.add(field, this.#path(file)).add(`${field}-data`, this.#data(pem));
      } else if (roll < 0.5) user.add(field, this.#path(file));
      else if (roll < 0.55) user.add(`${field}-data`, this.#data("words"));
      else user.add(`${field}-data`, this.#data(pem));
    };
    add("client-certificate", "client.crt", certificate);
    add("client-key", "client.key", key);
  }

  #exec(): Yaml {
    if (this.#chance(0.03)) return this.#pick(["null", "{}", "text", "[]"]);
    const exec = new Mapping();
    if (this.#chance(0.97)) {
      const other = ["client.authentication.k8s.io/v1alpha1", '""'];
      exec.add("apiVersion", this.#chance(0.05) ? this.#pick(other) : execVersion);
    }
    if (this.#chance(0.97)) {
      const none = this.#pick(["./none", "reanchor-no-such-plugin"]);
      const command = this.#chance(0.1) ? none : "../pki/plugin";
      exec.add("command", this.#scalar(command));
    }
    if (this.#chance(0.95)) {
      const mode = this.#chance(0.1) ? this.#pick(["Sometimes", '""']) : "Never";
      exec.add("interactiveMode", this.#scalar(mode));
    }
    if (this.#chance(0.3)) exec.add("args", this.#pick(["[a, b]", "[null]", "null"]));
    if (this.#chance(0.3)) {
      const env = ["[{name: A, value: b}]", "[{name: PATH, value: /nowhere}]", "null"];
      exec.add("env", this.#chance(0.1) ? "[{value: a}]" : this.#pick(env));
    }
    if (this.#chance(0.5)) exec.add("provideClusterInfo", this.#pick(["true", "true", "null"]));
    if (this.#chance(0.2)) exec.add("installHint", this.#scalar("get it"));
    return exec;
  }

  #provider(): Yaml {
    const name = this.#chance(0.1) ? this.#pick(["gcp", "azure", "other"]) : "oidc";
    const provider = new Mapping().add("name", this.#scalar(name));
    const config = new Mapping();
    const claims = [{ exp: 4e9 }, { exp: 4e9 }, { exp: 4e9 }, { exp: 1 }, {}, { exp: "x" }];
    const isComplete = this.#chance(0.7);
    if (isComplete) config.add("idp-issuer-url", '"https://issuer.invalid"');
    else this.#odd(oddities.oidc, undefined);
    // client-go caches what it has read by the client's id.
    config.add("client-id", `c${Math.floor(this.#random() * 1e12)}`);
    if (this.#chance(0.95)) {
      const payload = btoa(JSON.stringify(this.#pick(claims))).replaceAll("=", "");
      config.add("id-token", this.#chance(0.05) ? "opaque" : `e30.${payload}.c2ln`);
    }
    if (this.#chance(0.05)) config.add("odd", this.#pick(["5", "null", "[a]"]));
    return provider.add("config", config);
  }

  #impersonation(user: Mapping): void {
    if (this.#chance(0.9)) {
      const odd = this.#chance(0.08);
      user.add("as", odd ? this.#odd(oddities.impersonation, '"jürgen"') : this.#scalar("bob"));
      if (this.#chance(0.05)) {
        user.add("as-groups", this.#odd(oddities.impersonation, this.#pick(["[null]", '[" a"]'])));
      }
    }
    if (this.#chance(0.3)) user.add("as-uid", this.#scalar("u-1"));
    if (this.#chance(0.4)) user.add("as-groups", this.#pick(["[devs]", "[a, b]", "null", "devs"]));
    if (this.#chance(0.3)) {
      const extra = ["{scopes: [a, b]}", "{Some/Key: [x]}", "{none: null}", "{a: b}"];
      user.add("as-user-extra", this.#pick(extra));
    }
  }

  #path(name: string): Yaml {
    return this.#scalar(
      this.#chance(0.5) ? `../pki/${name}` : `${this.#files.folder}/../pki/${name}`,
    );
  }

  #data(pem: string): Yaml {
    const base64 = btoa(pem);
    return JSON.stringify(this.#chance(0.1) ? base64.replace(/.{64}/g, "$&\r\n") : base64);
  }

  /** A text, sometimes in another form or of another type. */
  #scalar(text: string): Yaml {
    if (this.#chance(0.004)) return this.#anything();
    const isPlain = /^[a-zA-Z][\w-]*$/.test(text) && this.#chance(0.7);
    return isPlain || text === '""' ? text : JSON.stringify(text);
  }

  #anything(): Yaml {
    return this.#pick([
      "null",
      "~",
      "true",
      "5",
      "1e3",
      "12e4567",
      "-1e400",
      "12345678901234567890",
      "0x1F",
      "0xfffffffffffffffffff",
      "2026-01-31",
      ".inf",
      "[a]",
      "{a: b}",
      "'quoted'",
      '""',
      "a b",
    ]);
  }
}

/** Short names of the differences. */
export const oddities: Readonly<Record<OddityName, Oddity>> = {
  dataAndFile: "has both `x` and `x-data` (CA, certificate, key)",
  yaml11: "has `yes`, `no`, `on`, `off`, `y`, `n`, `1_000` or `0b1` without quotes (YAML 1.1)",
  merge: "has a merge key (`<<`) after a key that it also holds",
  oidc: "has `auth-provider: oidc` without `idp-issuer-url` or `client-id`",
  nameless: "has a context, cluster or user without a name",
  unknownUser: "names an unknown user",
  noCluster:
    "selects no cluster: it is empty, or has no `current-context`, a context without a cluster or an unknown cluster",
  noScheme: "has a server without a scheme, as in `host:6443`",
  http: "has `http://` with a CA or credentials",
  server: "has a server with another scheme, a user, a query or a fragment",
  emptyCa: "names an empty CA file",
  insecureCa: "has `insecure-skip-tls-verify` with a CA",
  damagedCa: "has a damaged certificate beside good ones in a CA bundle",
  token: "has a token with characters that a header can't carry, or white space around it",
  colon: "has a user name with a colon",
  impersonation:
    "impersonates with characters beyond ASCII, or with a value that is empty or has white space around it",
};
