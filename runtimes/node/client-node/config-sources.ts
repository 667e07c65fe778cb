/**
 * What a cluster and a user of client-node's config say of trust and identity, as sources: what they name
 * as a file is read again, what they hold themselves stays as it is.
 *
 * @module
 */

import type { Cluster, User } from "@kubernetes/client-node";
import { ConfigError } from "../../../src/errors.ts";
import {
  type CaSource,
  bindFileCaSource,
  createStaticCaSource,
} from "../../../src/sources/ca-source.ts";
import {
  type ClientCertFunction,
  type ClientCertPem,
  type ClientCertSource,
  createClientCertSource,
  bindFileClientCertSource,
} from "../../../src/sources/client-cert-source.ts";
import { createStaticClientCertSource } from "../../../src/sources/client-cert-pair.ts";
import { MAX_BUNDLE_BYTES } from "../../../src/certificates/pem.ts";
import type { SourceOptions } from "../../../src/sources/source.ts";
import { nodeFiles } from "../../_shared/node-files.ts";
import { nodeRuntime as runtime } from "../runtime.ts";

/** Who may vouch for a cluster's server; what a plugin gave wins, then a file, as with client-node. */
export function caSourceOf(
  cluster: Cluster | null,
  plugin: string | undefined,
  options: SourceOptions,
): CaSource | undefined {
  const { name = "", caFile, caData } = cluster ?? {};
  if (plugin !== undefined)
    return createStaticCaSource(plugin, { source: `plugin for cluster ${name}`, runtime });
  if (caFile) return bindFileCaSource(runtime)(caFile, options);
  if (caData)
    return createStaticCaSource(decode(caData), { source: `caData of cluster ${name}`, runtime });
  return undefined;
}

/** What a user shows in the handshake; what a plugin gave wins. */
export function clientCertSourceOf(
  user: User | null,
  plugin: ClientCertPem | undefined,
  options: SourceOptions,
): ClientCertSource | undefined {
  const { name = "", certFile, certData, keyFile, keyData } = user ?? {};
  if (plugin !== undefined) {
    return createStaticClientCertSource(plugin, { source: `plugin of user ${name}`, runtime });
  }
  const hasCertificate = Boolean(certFile || certData);
  const hasKey = Boolean(keyFile || keyData);
  if (!hasCertificate && !hasKey) return undefined;
  if (!hasCertificate || !hasKey) {
    const missing = hasKey ? "a client certificate" : "the key of its client certificate";
    throw new ConfigError(`Cannot connect as user ${name}: it lacks ${missing}`);
  }
  if (certFile && keyFile) {
    const files = { certificate: certFile, key: keyFile };
    return bindFileClientCertSource(runtime)(files, options);
  }
  const source = `user ${name}`;
  const certificate = decode(certData ?? "");
  const key = decode(keyData ?? "");
  if (!certFile && !keyFile) {
    return createStaticClientCertSource({ certificate, key }, { source, runtime });
  }
  const read: ClientCertFunction = async (signal) => ({
    certificate: certFile ? await nodeFiles.read(certFile, MAX_BUNDLE_BYTES, signal) : certificate,
    key: keyFile ? await nodeFiles.read(keyFile, MAX_BUNDLE_BYTES, signal) : key,
  });
  return createClientCertSource(runtime, { source, read }, options);
}

function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
