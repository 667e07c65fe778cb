/**
 * {@link Transport.upgrade} over a byte stream that a runtime has opened.
 *
 * @module
 */

import { upgrade } from "../http1/upgrade-handshake.ts";
import type {
  ByteStream,
  TransportRequest,
  TransportResponse,
  UpgradedConnection,
} from "../runtime.ts";
import { fetchedResponseClass, fromResponse } from "./response.ts";

/** Sends the request, and returns the connection, or the response of a server that rejects it. */
export async function upgradeOver(
  stream: ByteStream,
  url: string,
  request: Pick<TransportRequest, "method" | "headers" | "headerLines">,
): Promise<UpgradedConnection | TransportResponse> {
  const outcome = await upgrade(stream, new URL(url), request);
  if ("connection" in outcome) return outcome.connection;
  const { head, body } = outcome.refusal;
  const { status, statusText } = head;
  const headers = new Headers(head.fields.map(([name, value]) => [name, value]));
  const response = new (fetchedResponseClass())(body, { status, statusText, headers }, url);
  return fromResponse(response, url);
}
