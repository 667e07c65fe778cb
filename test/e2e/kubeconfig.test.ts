/**
 * Kubeconfigs generated from a seed, as client-go and reanchor read them: both find the same server, trust,
 * identity and namespace, or both report an error. A table in `docs/connecting.md` lists all differences, and
 * each of them occurs here.
 *
 * @module
 */

import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { basicAuthorization, checkClusterConfig } from "../../src/config/cluster-config.ts";
import { impersonationLines } from "../../src/config/impersonation.ts";
import { loadKubeconfig, loadUsualKubeconfig } from "../../src/config/kubeconfig/kubeconfig.ts";
import type { Runtime } from "../../src/runtime.ts";
import { entry } from "../contract/support/entry.ts";
import { createCa } from "../support/pki.ts";
import { type Answer, type OracleAnswer, askClientGo } from "./support/client-go.ts";
import {
  type KubeconfigCase,
  type NamedFiles,
  type Oddity,
  generateKubeconfig,
  oddities,
} from "./support/kubeconfig-generator.ts";

const CASES = 3_000;
const FIRST_SEED = 1;

const documentation = new URL("../../docs/connecting.md", import.meta.url);

/** Writes the files that kubeconfigs name. */
async function writeNamedFiles(root: string): Promise<NamedFiles> {
  const folder = join(root, "configs");
  const pki = join(root, "pki");
  await mkdir(folder);
  await mkdir(pki);
  const [ca, clients] = await Promise.all([createCa(), createCa()]);
  const { cert, key } = await clients.issue({ client: true, commonName: "alice" });
  const content = {
    "ca.crt": ca.pem,
    "client.crt": cert,
    "client.key": key,
    empty: "",
    token: "of the file",
  };
  for (const [name, text] of Object.entries(content)) await writeFile(join(pki, name), text);
  // Its token is the text that it received.
  const output = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s"}}`;
  const told = `"$(printf %s "$KUBERNETES_EXEC_INFO" | base64 | tr -d '\\n')"`;
  await writeFile(
    join(pki, "plugin"),
    `#!/bin/sh\nPATH=/usr/bin:/bin\nprintf '${output}' ${told}\n`,
  );
  await chmod(join(pki, "plugin"), 0o755);
  return { folder, ca: ca.pem, certificate: cert, key };
}

/** Writes a case's files; returns their paths. */
async function writeCase(
  { texts }: KubeconfigCase,
  folder: string,
  seed: number,
): Promise<string[]> {
  return await Promise.all(
    texts.map(async (text, index) => {
      const path = join(folder, `${seed}-${index}`);
      if (text !== undefined) await writeFile(path, text);
      return path;
    }),
  );
}

/** Normalises a URL, and replaces a bundle with its fingerprint. */
async function toAnswer(answer: OracleAnswer): Promise<Answer> {
  if (answer.error !== undefined) return { error: answer.error, empty: answer.empty };
  const { exec: _, server, ca, certificate, key, headers, proxy, ...more } = answer;
  const told = headers?.["authorization"]?.[0];
  return {
    ...more,
    server: server && (URL.parse(server)?.href ?? server),
    proxy: proxy && new URL(proxy).href,
    ca: ca && (await fingerprintOf(ca)),
    certificate: certificate && atob(certificate),
    key: key && atob(key),
    headers: { ...headers, ...(told && { authorization: [normalizeTold(told)] }) },
  };
}

async function fingerprintOf(base64: string): Promise<string> {
  try {
    return (await entry.staticCaSource(atob(base64)).current()).fingerprint;
  } catch {
    return "of no bundle";
  }
}

/** What a plugin received. client-go adds a final newline. */
function normalizeTold(authorization: string): string {
  const [, token = ""] = /^Bearer (eyJraW5k[\w+/=]+)$/.exec(authorization) ?? [];
  return token === "" ? authorization : `Bearer ${atob(token).trimEnd()}`;
}

/** reanchor's reading of a case, with everything that it checks before it connects. */
async function askReanchor(it: KubeconfigCase, paths: readonly string[]): Promise<Answer> {
  const variables: Readonly<Record<string, string>> = { KUBECONFIG: paths.join(":") };
  const runtime: Runtime = { ...entry.runtime, env: (name) => variables[name] };
  const options = Object.fromEntries(Object.entries(it.overrides).filter(([, value]) => value));
  try {
    const isPlain = !it.isExplicit && Object.keys(options).length === 0;
    const source = isPlain
      ? await loadUsualKubeconfig(runtime, {})
      : await loadKubeconfig(runtime, it.isExplicit ? { ...options, path: paths[0] } : options);
    if (source === undefined) return { error: "it is empty", empty: true };
    const config = await source.current();
    const server = checkClusterConfig(config);
    const [bundle, clientCert, token] = await Promise.all([
      config.ca?.current(),
      config.clientCert?.current(),
      config.token?.current(),
    ]);
    const headers: Record<string, string[]> = {};
    if (config.basicAuth) headers["authorization"] = [basicAuthorization(config.basicAuth)];
    if (token !== undefined) headers["authorization"] = [normalizeTold(`Bearer ${token}`)];
    for (const [name, value] of config.impersonate ? impersonationLines(config.impersonate) : []) {
      (headers[name.toLowerCase()] ??= []).push(value);
    }
    // If the server has no TLS, neither says more.
    const tls = server.protocol === "https:" && {
      insecure: config.insecureSkipTlsVerify || undefined,
      serverName: config.serverName,
    };
    return {
      ...tls,
      server: server.href,
      namespace: config.namespace ?? "default",
      ca: bundle?.fingerprint,
      proxy: config.proxy ? new URL(config.proxy).href : undefined,
      disableCompression: config.disableCompression || undefined,
      certificate: clientCert?.certificate,
      key: clientCert?.key,
      headers,
    };
  } catch (error) {
    return { error: String(error) };
  }
}

/** Which oddity of a case explains the difference. */
function explain(it: KubeconfigCase, theirs: Answer, ours: Answer): Oddity | undefined {
  if (theirs.empty === true && ours.error !== undefined) return oddities.noCluster;
  if (theirs.error === undefined && ours.error?.includes("there is no such user") === true) {
    return oddities.unknownUser;
  }
  if (onlyOurError(theirs, ours, /has both a certificate-authority and insecure-skip-tls-verify/)) {
    return oddities.insecureCa;
  }
  const found = [...it.oddities].find((oddity) => differs[oddity]?.(theirs, ours));
  // The most general explanation, and therefore the last one to be considered.
  return found ?? (it.oddities.has(oddities.nameless) ? oddities.nameless : undefined);
}

const onlyOurError = (theirs: Answer, ours: Answer, message: RegExp): boolean =>
  theirs.error === undefined && message.test(ours.error ?? "");

/** How the results differ because of an oddity. */
const differs: Readonly<Record<string, (theirs: Answer, ours: Answer) => boolean>> = {
  [oddities.dataAndFile]: ({ error }) => error?.includes("are both specified for") === true,
  [oddities.yaml11]: (theirs, ours) =>
    theirs.error?.includes("json: cannot unmarshal") === true ||
    onlyOurError(theirs, ours, /insecure-skip-tls-verify .*is text, but must be true or false/),
  [oddities.merge]: (theirs, ours) =>
    theirs.headers?.["authorization"]?.[0] === "Bearer merged" &&
    ours.headers?.["authorization"]?.[0] !== "Bearer merged",
  [oddities.oidc]: ({ error }, ours) =>
    error?.startsWith("Must provide") === true && ours.error === undefined,
  [oddities.noScheme]: (theirs, ours) =>
    theirs.server?.startsWith("http://") === true &&
    (ours.server?.startsWith("https://") === true || ours.error !== undefined),
  [oddities.http]: (theirs, ours) =>
    onlyOurError(theirs, ours, /over http neither a CA nor a |\.auth-provider /),
  [oddities.server]: (theirs, ours) =>
    onlyOurError(theirs, ours, /is not a URL of http|holds a user, a query/),
  [oddities.emptyCa]: (theirs, ours) => onlyOurError(theirs, ours, /CA bundle.*empty/),
  [oddities.damagedCa]: (theirs, ours) => onlyOurError(theirs, ours, /CA bundle/),
  [oddities.token]: (theirs, ours) =>
    onlyOurError(theirs, ours, /a character that an HTTP header can't carry/) ||
    theirs.headers?.["authorization"]?.[0]?.trim().replace(/ +/g, " ") ===
      ours.headers?.["authorization"]?.[0],
  [oddities.colon]: (theirs, ours) => onlyOurError(theirs, ours, /the user name holds a colon/),
  [oddities.impersonation]: (theirs, ours) => onlyOurError(theirs, ours, /Cannot impersonate/),
};

function isSame(theirs: Answer, ours: Answer): boolean {
  if (theirs.error !== undefined || ours.error !== undefined) {
    const empty = (theirs.empty ?? false) === (ours.empty ?? false);
    return theirs.error !== undefined && ours.error !== undefined && empty;
  }
  const write = (answer: Answer): string =>
    JSON.stringify(
      Object.entries(answer)
        .filter(([, value]) => value !== undefined && value !== "")
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return write(theirs) === write({ ...ours, headers: sorted(ours.headers) });
}

function sorted(headers: Answer["headers"]): Answer["headers"] {
  return Object.fromEntries(Object.entries(headers ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The first cells of the table. */
async function documentedDifferences(): Promise<string[]> {
  const text = await readFile(documentation, "utf8");
  const [, section = ""] = text.split("## Where reanchor differs from kubectl\n");
  return Array.from(
    section.matchAll(/^\| (?!a kubeconfig )([^|]+?) +\|/gm),
    ([, cell = ""]) => cell,
  );
}

test(`${CASES} kubeconfigs mean the same to reanchor and client-go, except for the documented differences`, async () => {
  const root = await mkdtemp(join(tmpdir(), "reanchor-oracle-"));
  try {
    const named = await writeNamedFiles(root);
    const seeds = Array.from({ length: CASES }, (_, index) => FIRST_SEED + index);
    const cases = seeds.map((seed) => generateKubeconfig(seed, named));
    const paths: string[][] = [];
    for (const [index, it] of cases.entries()) {
      paths.push(await writeCase(it, named.folder, seeds[index] ?? 0));
    }
    const answers = await askClientGo(
      cases.map((it, index) => ({
        ...it.overrides,
        ...(it.isExplicit ? { path: paths[index]?.[0] } : { kubeconfig: paths[index]?.join(":") }),
      })),
    );
    const theirs = await Promise.all(answers.map(toAnswer));
    const seen = new Set<Oddity>();
    let agreed = 0;
    for (const [index, it] of cases.entries()) {
      const their = theirs[index] ?? {};
      const our = await askReanchor(it, paths[index] ?? []);
      if (isSame(their, our)) {
        if (our.error === undefined) agreed++;
        continue;
      }
      const oddity = explain(it, their, our);
      if (oddity !== undefined) seen.add(oddity);
      else expect.soft({ seed: seeds[index], texts: it.texts, our }).toEqual({ their });
    }
    expect([...seen].sort()).toEqual((await documentedDifferences()).sort());
    // A generator that produced mostly errors would prove nothing.
    expect(agreed).toBeGreaterThan(CASES / 6);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}, 120_000);
