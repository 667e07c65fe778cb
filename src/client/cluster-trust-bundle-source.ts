/**
 * The CAs of other services, as the cluster publishes them: ClusterTrustBundles of a signer as a CA source.
 *
 * @module
 */

import type { LabelSelectorInput } from "../api/selectors.ts";
import { SourceError } from "../errors.ts";
import { checkKnown, kindOf, checkObject } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { type CaSource, createCaSource } from "../sources/ca-source.ts";
import { type Closable, closable } from "../sources/push-source.ts";
import { type SourceOptions, pickSourceOptions, sourceOptionNames } from "../sources/source.ts";
import type { KubeClient } from "./client.ts";
import type { TrustBundles } from "./trust-bundles.ts";

/** Which ClusterTrustBundles to trust, and how often they are listed. */
export interface ClusterTrustBundleOptions extends SourceOptions {
  /** The signer that they belong to, as in `example.com/services`. */
  signerName: string;
  /** Which of the signer's: all of them by default. */
  labelSelector?: LabelSelectorInput | undefined;
}

const optionNames: readonly string[] = ["signerName", "labelSelector", ...sourceOptionNames];

/** Binds `clusterTrustBundleSource()` to a runtime. */
export function bindClusterTrustBundleSource(
  runtime: Runtime,
): (kube: KubeClient, options: ClusterTrustBundleOptions) => CaSource & Closable {
  return (kube, options) => {
    checkClient(kube);
    const hint = 'pass { signerName: "example.com/services" }';
    checkObject("the options of clusterTrustBundleSource", options, hint);
    checkKnown("clusterTrustBundleSource", options, optionNames);
    const { signerName, labelSelector } = options;
    if (typeof signerName !== "string" || signerName === "") {
      const given = signerName === "" ? "empty" : kindOf(signerName);
      throw new TypeError(
        `Cannot use option signerName of clusterTrustBundleSource: it is ${given}; ${hint}`,
      );
    }
    let bundles: TrustBundles | undefined;
    let isClosed = false;

    async function read(signal: AbortSignal): Promise<string> {
      // Loaded where it is used: few programs trust what a cluster publishes.
      const { TrustBundles: Bundles } = await import("./trust-bundles.ts");
      if (isClosed) throw new SourceError("it was closed", "failed");
      bundles ??= new Bundles(kube, {
        signerName,
        labelSelector,
        onChange: () => {
          source.reload().catch(() => {}); // Its status and events say it.
        },
      });
      const pem = await bundles.list(signal);
      // A watch is for those who can wait for it across requests.
      if (runtime.capabilities.sharedReads) bundles.watch();
      return pem;
    }

    const name = `ClusterTrustBundles of ${signerName}`;
    const source = createCaSource(runtime, { source: name, read }, pickSourceOptions(options));
    return closable(source, () => {
      isClosed = true;
      bundles?.close();
    });
  };
}

function checkClient(kube: unknown): void {
  if (typeof kube === "object" && kube !== null && "resource" in kube) return;
  throw new TypeError(
    `Cannot make a source of ClusterTrustBundles: expected a client, not ${kindOf(kube)}; pass what connect() returns, awaited`,
  );
}
