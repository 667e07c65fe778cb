/**
 * A validating admission webhook whose certificate rotates while it runs: it rejects pods with an image that has no
 * fixed tag. Mount the Secret with `tls.crt` and `tls.key`, as cert-manager writes it, at the folder below.
 *
 * @module
 */

import { createServer } from "node:https";
import process from "node:process";
import { text } from "node:stream/consumers";
import { fileServerCertSource, rotateServer } from "reanchor/server";

const [folder = "/etc/webhook/certs", port = "8443", interval = "60000"] = process.argv.slice(2);

interface AdmissionReview {
  request: { uid: string; object?: { spec?: { containers?: { image?: string }[] } } };
}

function review({ request: { uid, object } }: AdmissionReview): object {
  const images = object?.spec?.containers?.map(({ image = "" }) => image) ?? [];
  const loose = images.filter((image) => !/(?:@sha256:|:(?!latest$)[\w.-]+$)/.test(image));
  const message = `use a fixed tag for ${loose.join(", ")}`;
  return loose.length === 0
    ? { uid, allowed: true }
    : { uid, allowed: false, status: { code: 403, message } };
}

function answer(body: string): string {
  const response = review(JSON.parse(body) as AdmissionReview);
  return JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response });
}

const server = createServer((request, response) => {
  if (request.method !== "POST") {
    response.writeHead(rotation.status().healthy ? 200 : 503).end();
    return;
  }
  text(request)
    .then(answer)
    .then((body) => response.writeHead(200, { "content-type": "application/json" }).end(body))
    .catch(() => response.writeHead(400).end());
});
const rotation = await rotateServer(server, {
  cert: fileServerCertSource(
    { certificate: `${folder}/tls.crt`, key: `${folder}/tls.key` },
    { reloadIntervalMs: Number(interval) },
  ),
  onEvent: (event) => console.log(JSON.stringify(event)),
});
server.listen(Number(port), () => console.log("listening on", server.address()));
process.once("SIGTERM", () => server.close(() => rotation.close()));
