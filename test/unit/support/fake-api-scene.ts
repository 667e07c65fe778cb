/**
 * A model of the API server that a test uses without a connection.
 *
 * @module
 */

import {
  createFakeApi,
  type FakeApi,
  type FakeApiOptions,
} from "../../../src/testing/model/fake-api.ts";
import { fakeFetch, type FakeFetchInit } from "../../../src/testing/model/fake-fetch.ts";
import type { ApiObject, StoredObject } from "../../../src/testing/model/objects.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";

export const CONFIG_MAPS: string = "/api/v1/namespaces/default/configmaps";
export const PODS: string = "/api/v1/namespaces/default/pods";
export const DEPLOYMENTS: string = "/apis/apps/v1/namespaces/default/deployments";

export interface List {
  kind: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: StoredObject[];
}

export interface Status {
  code: number;
  reason?: string;
  message: string;
  metadata: { continue?: string };
  details?: { causes?: unknown[] };
}

export interface WatchEvent {
  type: string;
  object: StoredObject & Status;
}

export type Send = (
  method: string,
  path: string,
  body?: unknown,
  init?: FakeFetchInit,
) => Promise<Sent>;

export interface Sent {
  readonly status: number;
  readonly body: unknown;
}

export function start(options: FakeApiOptions = {}): {
  api: FakeApi;
  send: Send;
  clock: ManualClock;
} {
  const clock = new ManualClock();
  const api = createFakeApi({ clock, ...options });
  const request = fakeFetch(api);
  async function send(
    method: string,
    path: string,
    body?: unknown,
    init: FakeFetchInit = {},
  ): Promise<Sent> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await request(path, { method, ...sent, ...init });
    const text = await response.text();
    const isJson = response.headers.get("content-type") === "application/json";
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  }
  return { api, send, clock };
}

export function configMap(name: string, data: Record<string, string> = {}, labels = {}): ApiObject {
  return { metadata: { name, labels }, data };
}

export function names(body: unknown): string[] {
  return (body as List).items.map(({ metadata }) => metadata.name);
}

/** Opens a watch, and reads a number of its events. */
export async function watch(
  api: FakeApi,
  path: string,
): Promise<{ next: (count: number) => Promise<WatchEvent[]>; rest: () => Promise<WatchEvent[]> }> {
  const response = await fakeFetch(api)(`${path}${path.includes("?") ? "&" : "?"}watch=1`);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  async function read(isEnough: () => boolean): Promise<WatchEvent[]> {
    while (!isEnough()) {
      const { done, value } = await reader.read();
      text += decoder.decode(value, { stream: true });
      if (done) break;
    }
    const lines = text.split("\n").filter(Boolean);
    text = "";
    return lines.map((line) => JSON.parse(line) as WatchEvent);
  }
  return {
    next: (count) => read(() => text.split("\n").length > count),
    rest: () => read(() => false),
  };
}

export function told(events: readonly WatchEvent[]): string[] {
  return events.map(({ type, object }) => `${type} ${object.metadata.name ?? ""}`.trim());
}
