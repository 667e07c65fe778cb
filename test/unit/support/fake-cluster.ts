/**
 * A client whose requests reach the model of an API server without a connection.
 *
 * @module
 */

import { onTestFinished } from "vitest";
import { type EdgeConnectOptions, connect } from "../../../runtimes/edge.ts";
import type { KubeClient } from "../../../src/index.ts";
import { type FakeApi, createFakeApi } from "../../../src/testing/model/fake-api.ts";
import { fakeFetch } from "../../../src/testing/model/fake-fetch.ts";
import { DEFAULT_KINDS, type KindDefinition } from "../../../src/testing/model/served-kinds.ts";
import type { ApiRequest } from "../../../src/testing/model/request-target.ts";

/** A client, and the model that it uses. */
export interface FakeCluster {
  readonly api: FakeApi;
  readonly kube: KubeClient;
}

/** Lets a test answer a request itself; `undefined` leaves it to the model. */
export type Override = (request: Pick<ApiRequest, "method" | "body"> & { path: string }) => unknown;

/** Connects to a model with additional kinds. */
export async function connectFake(
  kinds: readonly KindDefinition[] = [],
  override: Override = () => undefined,
): Promise<FakeCluster> {
  const api = createFakeApi({ kinds: [...DEFAULT_KINDS, ...kinds] });
  const answer = fakeFetch(api);
  const config = { server: "https://fake.invalid", namespace: "default" };
  const options: EdgeConnectOptions = {
    config,
    async fetch(url, init) {
      const { pathname: path, search } = new URL(url);
      const { method = "GET", body } = init as { method?: string; body?: string };
      const own = override({ method, path: `${path}${search}`, body: body ?? "" });
      if (own instanceof Response) return own;
      if (own !== undefined) return Response.json(own);
      return await answer(url, init);
    },
  };
  const kube = await connect(options);
  onTestFinished(async () => await kube.close());
  return { api, kube };
}
