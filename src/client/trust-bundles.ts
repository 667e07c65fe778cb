/**
 * The ClusterTrustBundles of a signer: listed when they are asked for, and watched meanwhile.
 *
 * @module
 */

import type { SelectorOptions } from "../api/selectors.ts";
import { ClusterTrustBundle } from "../resources/generated/kinds.ts";
import type { Resource } from "../resources/resource.ts";
import type { KubeClient } from "./client.ts";

/** Which bundles. */
export interface TrustBundlesOptions extends Pick<SelectorOptions, "labelSelector"> {
  readonly signerName: string;
  /** Called when the watch says that there is something else than was listed. */
  readonly onChange: () => void;
}

export class TrustBundles {
  readonly #bundles: Resource<ClusterTrustBundle>;
  readonly #signerName: string;
  readonly #selectors: SelectorOptions;
  readonly #onChange: () => void;
  readonly #life = new AbortController();
  #listed = "";
  #isWatching = false;

  constructor(kube: KubeClient, { signerName, labelSelector, onChange }: TrustBundlesOptions) {
    this.#bundles = kube.resource(ClusterTrustBundle);
    this.#signerName = signerName;
    this.#selectors = { labelSelector, fieldSelector: { "spec.signerName": signerName } };
    this.#onChange = onChange;
  }

  /** The anchors of all of them, as PEM. They may be in there more than once. */
  async list(signal: AbortSignal): Promise<string> {
    const { items, metadata } = await this.#bundles.list({ ...this.#selectors, signal });
    this.#listed = metadata.resourceVersion ?? "";
    // Whatever a server makes of the selector.
    const own = items.filter(({ spec }) => spec.signerName === this.#signerName);
    return own.map(({ spec }) => spec.trustBundle).join("\n");
  }

  /** Watches from the last list on, unless that is under way. */
  watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    // It ends with the client, and then the next list says so.
    void this.#follow()
      .catch(() => {})
      .finally(() => {
        this.#isWatching = false;
      });
  }

  close(): void {
    this.#life.abort();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#life;
    const changes = this.#bundles.watch({
      ...this.#selectors,
      resourceVersion: this.#listed,
      // Its loop reports what goes wrong, and so do the lists.
      retryInitialErrors: true,
      signal,
    });
    for await (const { type } of changes) if (type !== "synced") this.#onChange();
  }
}
