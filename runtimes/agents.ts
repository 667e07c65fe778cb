/**
 * Drop-ins for Node programs that have a client already: they keep it, and a rotation of the CA costs them
 * no request and no restart.
 *
 * @example
 * ```ts
 * import { createHttpsAgent } from "@reanchor/reanchor/agents";
 * import { fileCaSource } from "@reanchor/reanchor/node";
 *
 * const httpsAgent = createHttpsAgent({ ca: fileCaSource("/etc/internal-ca/ca.crt") });
 * // await axios.post("https://billing.internal/invoices", invoice, { httpsAgent });
 * httpsAgent.destroy();
 * ```
 *
 * @module
 */

export type { AgentStatus, StreamOpener, TlsSettings } from "./node/agents/tls-connections.ts";
export { createDispatcher } from "./node/agents/dispatcher.ts";
export type {
  DispatcherOptions,
  DispatcherPoolOptions,
  RotatingDispatcher,
} from "./node/agents/dispatcher.ts";
export { createHttpsAgent } from "./node/agents/https-agent.ts";
export type {
  HttpsAgentOptions,
  HttpsPoolOptions,
  RotatingHttpsAgent,
} from "./node/agents/https-agent.ts";
export type { AgentOptions } from "./node/agents/drop-in-options.ts";
export { createPostgresStream } from "./node/agents/postgres-stream.ts";
export { createSecureContextSource } from "./node/agents/secure-context-source.ts";
export type {
  SecureContextSource,
  TlsConnectOptions,
} from "./node/agents/secure-context-source.ts";
