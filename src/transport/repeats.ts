/**
 * What is done about answers that are no success.
 *
 * @module
 */

import type { TransportResponse } from "../runtime.ts";
import type { OutgoingRequest, Send } from "./request.ts";

/**
 * Sends a request by steps that may send it again, once its answer is no success. Most are one, and for those nobody
 * waits once more for each step.
 *
 * @param send Sends it once.
 * @param addSteps Adds the steps to a way of sending.
 */
export function withRepeats(send: Send, addSteps: (send: Send) => Send): Send {
  function repeat(first: TransportResponse, request: OutgoingRequest): Promise<TransportResponse> {
    let given: TransportResponse | undefined = first;
    const sendBySteps = addSteps(async (next) => {
      const response = given ?? (await send(next));
      given = undefined;
      return response;
    });
    return sendBySteps(request);
  }

  return (request) =>
    send(request).then((response) =>
      response.status < 300 ? response : repeat(response, request),
    );
}
