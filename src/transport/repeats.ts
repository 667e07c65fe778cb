/**
 * What is done about answers that are no success.
 *
 * @module
 */

import type { TransportResponse } from "../runtime.ts";
import type { Send } from "./request.ts";

/**
 * Sends a request by steps that may send it again, once its answer is no success. Most are one, and for those nobody
 * waits once more for each step.
 *
 * @param send Sends it once.
 * @param addSteps Adds the steps to a way of sending.
 */
export function withRepeats(send: Send, addSteps: (send: Send) => Send): Send {
  return async (request) => {
    const response = await send(request);
    if (response.status < 300) return response;
    let first: TransportResponse | undefined = response;
    const sendBySteps = addSteps(async (next) => {
      const given = first ?? (await send(next));
      first = undefined;
      return given;
    });
    return await sendBySteps(request);
  };
}
