/**
 * What a server's owner has decided about its TLS, which rotations leave as it is.
 *
 * `setSecureContext` forgets whatever it is not given again: a rotation that gave it a certificate alone would put
 * `minVersion` and `ciphers` back to Node's defaults.
 *
 * @module
 */

import { createServer as createPlainServer } from "node:net";
import { type SecureContextOptions, type Server, createServer } from "node:tls";
import { ConfigError } from "../../src/errors.ts";

/** By what a server shows who it is. */
const identity: readonly string[] = [
  "cert",
  "key",
  "pfx",
  "passphrase",
  "clientCertEngine",
  "privateKeyEngine",
  "privateKeyIdentifier",
];

/** What else decides which clients are trusted. */
const trust: readonly string[] = ["ca", "crl", "ticketKeys"];

/** Callbacks that choose another secure context, or go without certificates. */
const callbacks: readonly string[] = ["SNICallback", "pskCallback"];

/**
 * Reads the options that a server was made with.
 *
 * @param hasClientCa Whether its clients' CA rotates as well.
 * @returns What to give to `setSecureContext` beside certificate, key and CA.
 * @throws {ConfigError} if there is one that a rotation would take the place of, or that would go around it.
 */
export function readOwnerOptions(server: Server, hasClientCa: boolean): SecureContextOptions {
  const options = optionsOf(server);
  for (const name of identity) {
    if (isEmpty(options[name])) continue;
    throw new ConfigError(
      `Cannot rotate the server: it was made with ${name}, in whose place the option cert comes; make it without`,
    );
  }
  if (hasClientCa) {
    for (const name of trust) {
      if (isEmpty(options[name])) continue;
      throw new ConfigError(
        `Cannot rotate the server: it was made with ${name}, which does not change with the option clientCa; make it without`,
      );
    }
    for (const name of callbacks) {
      if (isEmpty(callbackOf(server, name))) continue;
      throw new ConfigError(
        `Cannot rotate the server: it was made with ${name}, by which clients get past the option clientCa; make it without`,
      );
    }
    if (contextsOf(server).length > 0) throw cannotAddContext();
  }
  return options;
}

/** Whether a server was made to serve clients that nobody vouches for, too. */
export function maySkipVerification(server: Server): boolean {
  return (server as { rejectUnauthorized?: boolean }).rejectUnauthorized === false;
}

/**
 * Keeps a server's owner from undoing a rotation, and asks clients for certificates if their CA rotates.
 *
 * @returns What gives the server back as it was.
 */
export function keepOwnerOut(server: Server, hasClientCa: boolean): () => void {
  const refusals: Readonly<Record<string, () => never>> = {
    setSecureContext: () => {
      throw new ConfigError(
        "Cannot set the secure context of the server: its certificate rotates; change what its source reads",
      );
    },
    ...(hasClientCa && {
      addContext: () => {
        throw cannotAddContext();
      },
      setTicketKeys: () => {
        throw new ConfigError(
          "Cannot set the ticket keys of the server: they change with the option clientCa, so that no session outlives a removed CA",
        );
      },
    }),
  };
  for (const [name, value] of Object.entries(refusals)) {
    Object.defineProperty(server, name, { value, configurable: true, writable: true });
  }
  const settings = server as Server & { requestCert?: boolean | undefined };
  const { requestCert } = settings;
  if (hasClientCa) settings.requestCert = true;
  return () => {
    for (const name of Object.keys(refusals)) Reflect.deleteProperty(server, name);
    settings.requestCert = requestCert;
  };
}

function cannotAddContext(): ConfigError {
  return new ConfigError(
    "Cannot add a secure context to the server: it would have client CAs of its own, which do not change with the option clientCa; serve that name by a server of its own",
  );
}

function optionsOf(server: Server): SecureContextOptions & Readonly<Record<string, unknown>> {
  const kept = server as Server & Readonly<Record<string, unknown>>;
  const context = contextOf(server);
  // Deno keeps them in the secure context, as they are; Node keeps them in the server, by their names.
  const isDeno = context !== undefined && "minVersion" in context;
  const from = isDeno ? context : kept;
  const names = isDeno ? Object.keys(context) : optionNames();
  if (!names.includes("minVersion")) {
    throw new ConfigError(
      "Cannot rotate the server: this runtime does not say which TLS options it was made with, so that they would be lost",
    );
  }
  const options = names.map((name) => [name, from[name]] as const);
  return Object.fromEntries(
    options.filter(([, value]) => value !== undefined && typeof value !== "function"),
  );
}

/** What Node keeps of the options: in later releases there may be more of them. */
function optionNames(): string[] {
  const others = new Set([
    ...Object.keys(createPlainServer()),
    "_contexts",
    "_sharedCreds",
    "ALPNCallback",
    "ALPNProtocols",
    "rejectUnauthorized",
    "requestCert",
  ]);
  // The two are there only if they were given.
  const names = [...Object.keys(createServer()), "sessionTimeout", "ticketKeys"];
  return names.filter((name) => !others.has(name));
}

/** The secure context that connections get, where the runtime lets it be seen. */
export function contextOf(server: Server): Readonly<Record<string, unknown>> | undefined {
  const { _sharedCreds: shared } = server as Server & {
    _sharedCreds?: { context?: Readonly<Record<string, unknown>> };
  };
  return shared?.context;
}

function contextsOf(server: Server): readonly unknown[] {
  const { _contexts: contexts = [] } = server as Server & { _contexts?: readonly unknown[] };
  return contexts;
}

/** Node keeps them by symbols, Deno by their names with an underscore. */
function callbackOf(server: Server, name: string): unknown {
  const symbol = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === name.toLowerCase(),
  );
  const kept = server as Server & Readonly<Record<PropertyKey, unknown>>;
  return symbol === undefined ? kept[`_${name}`] : kept[symbol];
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}
