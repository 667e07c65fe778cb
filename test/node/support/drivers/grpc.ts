/**
 * A gRPC server for a test: grpc-js's own, with a service that echoes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  type Client,
  Metadata,
  Server,
  type ServiceDefinition,
  type sendUnaryData,
  type ServerUnaryCall,
  experimental,
} from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import type { IssuedCertificate } from "../../../support/pki.ts";
import type { RotatingServer } from "../rotate-under-load.ts";

/** A server that listens. */
export interface GrpcServer extends RotatingServer {
  readonly port: number;
}

type Identity = Parameters<
  Parameters<experimental.CertificateProvider["addIdentityCertificateListener"]>[0]
>[0];

const path = "/test.Echo/Echo";
const toBytes = (text: string): Buffer => Buffer.from(text);
const toText = (bytes: Buffer): string => bytes.toString();

const service: ServiceDefinition = {
  Echo: {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize: toBytes,
    responseDeserialize: toText,
  },
};

function identityOf({ cert, key }: IssuedCertificate): Identity {
  return { certificate: Buffer.from(cert), privateKey: Buffer.from(key) };
}

/** Starts a server, which is closed when the test ends. */
export async function startGrpcServer(issued: IssuedCertificate): Promise<GrpcServer> {
  let identity = identityOf(issued);
  const listeners = new Set<(identity: Identity) => void>();
  const provider: experimental.CertificateProvider = {
    addCaCertificateListener: () => {},
    removeCaCertificateListener: () => {},
    addIdentityCertificateListener(listener) {
      listeners.add(listener);
      queueMicrotask(() => listener(identity));
    },
    removeIdentityCertificateListener: (listener) => void listeners.delete(listener),
  };
  const server = new Server();
  server.addService(service, {
    Echo: (call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) =>
      done(null, call.request),
  });
  // It takes the two in the opposite order of their names.
  const credentials = experimental.createCertificateProviderServerCredentials(
    provider,
    null,
    false,
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  onTestFinished(() => server.forceShutdown());
  return {
    port,
    async swap(next) {
      identity = identityOf(next);
      for (const listener of listeners) listener(identity);
    },
    async dropConnections() {
      server.drain(`127.0.0.1:${port}`, 0);
    },
  };
}

/** Calls the service. */
export async function echoBy(
  client: Client,
  text: string,
  { waitForReady = false }: { waitForReady?: boolean } = {},
): Promise<string> {
  const metadata = new Metadata({ waitForReady });
  return await new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, toBytes, toText, text, metadata, (error, answer) => {
      if (error) reject(error);
      else resolve(answer ?? "");
    });
  });
}
