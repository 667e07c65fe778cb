/**
 * An admission webhook that a real API server calls while the webhook's certificate and its CA rotate.
 *
 * @module
 */

import { createServer } from "node:https";
import { json } from "node:stream/consumers";
import { expect, onTestFinished } from "vitest";
import { fileServerCertSource, rotateServer } from "../../runtimes/server.ts";
import type { KubeClient, ReanchorEvent } from "../../src/index.ts";
import {
  ConfigMap,
  ValidatingWebhookConfiguration,
  encodeBase64,
} from "../../src/resources/index.ts";
import { createPairFiles } from "../contract/support/pair-files.ts";
import { listen, serverTest } from "../contract/support/rotating-servers.ts";
import { until } from "../support/until.ts";
import { type IssuedCertificate, type TestCa, createCa } from "../support/pki.ts";
import { connectAdmin } from "./support/admin.ts";
import { figure } from "./support/figures.ts";
import { startLoad } from "./support/load.ts";
import { rejection, types } from "./support/scene.ts";

const ROTATIONS = 3;
const LOOPS = 8;
/** How long a change may take to reach the API server. */
const WAIT_MS = 60_000;
/** Every other response ends its connection, so that handshakes and reuse alternate. */
const CLOSES_EVERY = 2;

interface AdmissionReview {
  readonly request: {
    readonly uid: string;
    readonly object: { readonly metadata: { readonly name: string }; readonly data?: object };
  };
}

interface Webhook {
  readonly port: number;
  readonly events: readonly ReanchorEvent[];
  /** How many times it was asked for each object's name. */
  readonly asked: ReadonlyMap<string, number>;
  /** The path of the last request, which shows the configuration that the API server uses. */
  lastPath(): string | undefined;
  handshakes(): number;
  /** Writes another certificate, and waits until a handshake has shown it. */
  serveBy(pair: IssuedCertificate): Promise<void>;
}

/** Starts a webhook that allows everything except ConfigMaps that contain `forbidden`. */
async function startWebhook(first: IssuedCertificate): Promise<Webhook> {
  const files = await createPairFiles(first);
  const events: ReanchorEvent[] = [];
  const asked = new Map<string, number>();
  let path: string | undefined;
  let requests = 0;
  let handshakes = 0;
  const server = createServer((request, response) => {
    // The API server adds its time limit.
    path = request.url?.replace(/\?.*/, "");
    requests += 1;
    if (requests % CLOSES_EVERY === 0) response.setHeader("connection", "close");
    void json(request).then((body) => {
      const { uid, object } = (body as AdmissionReview).request;
      const { name } = object.metadata;
      asked.set(name, (asked.get(name) ?? 0) + 1);
      const allowed = !Object.hasOwn(object.data ?? {}, "forbidden");
      const review = { uid, allowed, ...(!allowed && { status: { message: "it is forbidden" } }) };
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({
          apiVersion: "admission.k8s.io/v1",
          kind: "AdmissionReview",
          response: review,
        }),
      );
    });
  });
  // An idle connection that ends by itself would be another cause of failures.
  server.keepAliveTimeout = 0;
  server.on("secureConnection", () => void (handshakes += 1));
  const rotation = await rotateServer(server, {
    cert: fileServerCertSource(files.paths, { reloadIntervalMs: 20 }),
    onEvent: (event) => void events.push(event),
  });
  onTestFinished(() => rotation.close());
  const port = await listen(server);
  return {
    port,
    events,
    asked,
    lastPath: () => path,
    handshakes: () => handshakes,
    async serveBy(pair) {
      const before = rotation.status().cert.fingerprint;
      await files.write(pair);
      await until(
        "the webhook has read its new certificate",
        async () => {
          return rotation.status().cert.fingerprint !== before;
        },
        WAIT_MS,
      );
      const since = handshakes;
      await until("a handshake has shown it", () => handshakes > since, WAIT_MS);
    },
  };
}

/** Registers a webhook for the ConfigMaps of a client's namespace, which trusts some CAs. */
async function register(kube: KubeClient, port: number) {
  const configurations = kube.resource(ValidatingWebhookConfiguration);
  const name = kube.namespace;
  let revision = 0;
  onTestFinished(async () => void (await configurations.delete(name)));
  return {
    /** The path that the API server calls once it uses the last configuration. */
    path: () => `/${revision}`,
    async trust(...cas: readonly TestCa[]): Promise<void> {
      revision += 1;
      await configurations.apply(
        {
          metadata: { name },
          webhooks: [
            {
              name: "reanchor.example.com",
              clientConfig: {
                url: `https://127.0.0.1:${port}/${revision}`,
                caBundle: encodeBase64(cas.map(({ pem }) => pem).join("")),
              },
              namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
              rules: [
                {
                  apiGroups: [""],
                  apiVersions: ["v1"],
                  resources: ["configmaps"],
                  operations: ["CREATE"],
                },
              ],
              failurePolicy: "Fail",
              sideEffects: "None",
              admissionReviewVersions: ["v1"],
              timeoutSeconds: 30,
            },
          ],
        },
        { fieldManager: "webhook-test" },
      );
    },
  };
}

serverTest(
  "rotateServer() lets kube-apiserver call a webhook through rotations of its CA, and no object is rejected",
  async () => {
    const kube = await connectAdmin({});
    const maps = kube.resource(ConfigMap);
    let ca = await createCa({ commonName: "webhooks" });
    const webhook = await startWebhook(await ca.issue());
    const registered = await register(kube, webhook.port);
    await registered.trust(ca);
    await until(
      "the webhook is called",
      async () => {
        await maps.create({ metadata: { generateName: "first-" } });
        return webhook.lastPath() === registered.path();
      },
      WAIT_MS,
    );
    const denied = maps.create({ metadata: { name: "denied" }, data: { forbidden: "" } });
    expect(await rejection(denied)).toMatchObject({
      status: 400,
      message: expect.stringContaining("it is forbidden") as string,
    });

    let count = 0;
    const created: string[] = [];
    const load = startLoad(LOOPS, async () => {
      const name = `map-${(count += 1)}`;
      await maps.create({ metadata: { name } });
      created.push(name);
    });
    const inEffect = async (): Promise<void> => {
      await until(
        "the API server uses the new bundle",
        async () => {
          return webhook.lastPath() === registered.path() || load.failures.length > 0;
        },
        WAIT_MS,
      );
      // The requests with the previous bundle have ended by then.
      await load.more();
    };
    const before = webhook.handshakes();
    for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
      const next = await createCa({ commonName: "webhooks" });
      await registered.trust(ca, next);
      await inEffect();
      await webhook.serveBy(await next.issue());
      await load.more();
      await registered.trust(next);
      await inEffect();
      // Its certificate alone.
      await webhook.serveBy(await next.issue());
      await load.more();
      ca = next;
    }
    await load.stop();
    await figure("webhook through rotations: objects", created.length);
    await figure("webhook through rotations: handshakes", webhook.handshakes() - before);
    await figure("webhook through rotations: rejected", load.failures.length);
    expect(load.failures).toEqual([]);
    expect(created.filter((name) => !webhook.asked.has(name))).toEqual([]);
    const reloads = types(webhook.events).filter((type) => type === "server-cert-reloaded");
    expect(reloads).toHaveLength(2 * ROTATIONS);

    // The API server does verify it: with a bundle that lacks its CA, objects are rejected.
    await registered.trust(await createCa({ commonName: "webhooks" }));
    let refused: unknown;
    await until(
      "an object is rejected",
      async () => {
        refused = await maps
          .create({ metadata: { generateName: "refused-" } })
          .catch((error) => error);
        return refused instanceof Error;
      },
      WAIT_MS,
    );
    expect(refused).toMatchObject({
      status: 500,
      message: expect.stringContaining("failed to verify certificate") as string,
    });
    await registered.trust(ca);
    await until(
      "objects are created again",
      async () => {
        return await maps.create({ metadata: { generateName: "again-" } }).then(
          () => true,
          () => false,
        );
      },
      WAIT_MS,
    );
  },
);
