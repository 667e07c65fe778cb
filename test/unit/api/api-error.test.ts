/**
 * An error response of the API server.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { ApiError } from "../../../src/api/api-error.ts";

function apiError(body: unknown, status = 422, retryAfterSeconds?: number): ApiError {
  return new ApiError({
    method: "POST",
    path: "/api/v1/pods",
    status,
    body: typeof body === "string" ? body : JSON.stringify(body),
    retryAfterSeconds,
  });
}

describe("ApiError", () => {
  test("reads a Status: reason, message, details, causes, retryAfterSeconds", () => {
    const causes = [
      { reason: "FieldValueRequired", message: "Required value", field: "spec.containers" },
    ];
    const details = { name: "web", kind: "Pod", uid: "1", causes, retryAfterSeconds: 7 };
    const error = apiError({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'Pod "web" is invalid',
      reason: "Invalid",
      details,
      code: 422,
    });
    expect(error).toMatchObject({
      code: "ERR_REANCHOR_API",
      status: 422,
      reason: "Invalid",
      details,
      causes,
      retryAfterSeconds: 7,
      method: "POST",
      path: "/api/v1/pods",
      message: 'Cannot POST /api/v1/pods: 422 Invalid: Pod "web" is invalid',
    });
  });

  test.each<[string, unknown]>([
    ["no details", {}],
    ["null details", { details: null }],
    ["details without causes", { details: { kind: "pods" } }],
  ])("has no causes when a Status has %s", (_, parts) => {
    const error = apiError(
      { kind: "Status", reason: "NotFound", message: "gone", ...Object(parts) },
      404,
    );
    expect(error.causes).toEqual([]);
    expect(error.retryAfterSeconds).toBeUndefined();
    expect(error.message).toBe("Cannot POST /api/v1/pods: 404 NotFound: gone");
  });

  test("prefers the Status's retryAfterSeconds to the header's", () => {
    const status = { kind: "Status", details: { retryAfterSeconds: 3 } };
    expect(apiError(status, 429, 9).retryAfterSeconds).toBe(3);
    expect(apiError({ kind: "Status" }, 429, 9).retryAfterSeconds).toBe(9);
    expect(apiError("", 429, 0).retryAfterSeconds).toBe(0);
  });

  test.each<[number, string]>([
    [401, "Unauthorized"],
    [403, "Forbidden"],
    [404, "NotFound"],
    [409, "Conflict"],
    [410, "Gone"],
    [422, "Invalid"],
    [429, "TooManyRequests"],
    [503, "ServiceUnavailable"],
    [418, "Unknown"],
  ])("has the reason of %d when the response names none", (status, reason) => {
    expect(apiError("", status)).toMatchObject({ reason, details: undefined, causes: [] });
    expect(apiError("", status).message).toBe(`Cannot POST /api/v1/pods: ${status} ${reason}`);
    expect(apiError({ kind: "Status", reason: "" }, status).reason).toBe(reason);
  });

  test.each<[string, unknown]>([
    ["another kind", { kind: "Pod", reason: "Evil", message: "m" }],
    ["a reason that is no string", { kind: "Status", reason: 1 }],
    ["a message that is no string", { kind: "Status", reason: "Evil", message: {} }],
    ["details that are no object", { kind: "Status", reason: "Evil", details: "d" }],
    [
      "a wait that is no number",
      { kind: "Status", reason: "Evil", details: { retryAfterSeconds: "7" } },
    ],
    ["causes that are no list", { kind: "Status", reason: "Evil", details: { causes: {} } }],
    ["causes of null", { kind: "Status", reason: "Evil", details: { causes: [null] } }],
    ["no object", '"Status"'],
    ["null", "null"],
    ["cut off JSON", '{"kind":"Status","reason":"Evil"'],
  ])("does not treat %s as a Status", (_, body) => {
    expect(apiError(body, 400)).toMatchObject({
      reason: "BadRequest",
      details: undefined,
      causes: [],
      retryAfterSeconds: undefined,
    });
  });

  test("quotes the start of a response that is not a Status, on one line", () => {
    const html = `<html>\n  <body>\t502 Bad\u001b[31m Gateway</body>\r\n${"x".repeat(1_000)}`;
    const { message } = apiError(html, 502);
    expect(message).toMatch(
      /^Cannot POST \/api\/v1\/pods: 502 Unknown: <html> <body> 502 Bad Gateway<\/body> x+ \.\.\. \(\d+ characters left out\) \.\.\. x+$/,
    );
    expect(message.length).toBeLessThan(300);
    expect(message).not.toMatch(/\p{Cc}/u);
  });

  test("shows nothing from a server that could mislead a terminal or fill a log", () => {
    const hostile = "\u001b[2Jrm\u202e -rf\u2066\n";
    const long = `${hostile}${"x".repeat(10_000)}`;
    const causes = Array.from({ length: 500 }, () => ({
      field: long,
      message: long,
      reason: long,
    }));
    const details = { name: long, kind: long, group: hostile, uid: hostile, causes };
    const error = apiError({ kind: "Status", message: long, reason: long, details }, 422);
    const text = [error.message, error.reason, JSON.stringify(error)].join("");
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}]|\\u001b|\\n/u);
    expect(error.message).toMatch(/characters left out/);
    expect(error.message.length).toBeLessThan(4_300);
    expect(error.reason.length).toBeLessThanOrEqual(100);
    expect(error.causes).toHaveLength(100);
    expect(Math.max(...error.causes.map(({ message = "" }) => message.length))).toBeLessThan(1_100);
    expect(error.details?.name?.length).toBeLessThan(1_100);
  });

  test("keeps the reason behind a long value, and that of each cause", () => {
    const value = JSON.stringify({ properties: { description: "x".repeat(9_000) } });
    const causes = ["first", "second", "third"].map((name) => ({
      reason: "FieldValueInvalid",
      field: `spec.versions[${name}].schema`,
      message: `Invalid value: ${value}: ${name} must be structural`,
    }));
    const [head] = causes;
    const begin = 'Widget "w" is invalid: ';
    const texts = causes.map(({ field, message }) => `${field}: ${message}`);
    const one = apiError(
      { kind: "Status", message: `${begin}${texts[0]}`, details: { causes: [head] } },
      422,
    );
    expect(one.message).toMatch(/422 Invalid: Widget "w" is invalid: spec\.versions\[first\]/);
    expect(one.message).toMatch(/: first must be structural$/);
    expect(one.causes[0]?.message).toMatch(/^Invalid value: .*: first must be structural$/);
    const all = apiError(
      { kind: "Status", message: `${begin}[${texts.join(", ")}]`, details: { causes } },
      422,
    );
    expect(all.message.length).toBeLessThan(4_500);
    for (const name of ["first", "second", "third"]) {
      expect(all.message).toContain(`spec.versions[${name}].schema: Invalid value: `);
      expect(all.message).toContain(`: ${name} must be structural`);
    }
    const many = Array.from({ length: 60 }, () => causes).flat();
    const { message } = apiError(
      { kind: "Status", message: `${begin}[${texts.join(", ")}]`, details: { causes: many } },
      422,
    );
    expect(message).toMatch(/, and \d+ more\]$/);
    expect(message.length).toBeLessThan(6_000);
  });

  test.each([
    ['&value.valueUnstructured{Value:"hush, a \\"quoted\\" hush"}', "string"],
    ["&{hush}\nhush", "map"],
    ["&{hush}", "boolean"],
  ])("does not quote the value of a Secret, although the server does: %s", (got, type) => {
    const said = `failed to create typed patch object (/s; /v1, Kind=Secret): .data: expected ${type}, got ${got}`;
    const details = { causes: [{ message: said }] };
    const body = JSON.stringify({ kind: "Status", message: said, details });
    const secrets = "/api/v1/namespaces/default/secrets";
    for (const path of [secrets, `${secrets}/s`]) {
      const error = new ApiError({ method: "PATCH", path, status: 500, body });
      expect(error.message).toMatch(new RegExp(`expected ${type}, got another value`));
      expect(error.message + JSON.stringify(error)).not.toContain("hush");
    }
    const path = "/api/v1/namespaces/secrets/configmaps/secrets";
    expect(new ApiError({ method: "PATCH", path, status: 500, body }).message).toContain("hush");
  });

  test("keeps a validation's long message", () => {
    const message = `spec: ${"a".repeat(3_900)}`;
    expect(apiError({ kind: "Status", message }, 422).message).toContain(message);
  });
});

describe("ApiError names the verbs that a role must grant", () => {
  const root = "/api/v1/namespaces/default/pods/web";
  const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
  const said = 'is forbidden: User "u" cannot create resource';

  function message(path: string, text = said, status = 403): string {
    const body = JSON.stringify({ kind: "Status", reason: "Forbidden", message: text });
    return new ApiError({ method: "GET", path, status, body }).message;
  }

  test.each(["exec", "attach", "portforward"])("for %s", (subresource) => {
    expect(message(`${root}/${subresource}`)).toMatch(
      new RegExp(`${said} \\(grant the verbs get and create on pods/${subresource}\\)$`),
    );
  });

  test.each([leases, `${leases}/leader`, "/apis/coordination.k8s.io/v1/leases"])(
    "for %s",
    (path) => {
      expect(message(path)).toMatch(/\(leader election needs the verbs get, create and update on/);
    },
  );

  test.each<[why: string, message: string]>([
    ["another subresource", message(`${root}/log`)],
    ["another resource", message("/api/v1/namespaces/default/pods")],
    ["a pod of that name", message("/api/v1/namespaces/default/pods/exec")],
    ["a service of that name", message("/api/v1/namespaces/exec/services/pods/exec")],
    ["a refusal by admission", message(`${root}/exec`, "denied the request: no shells")],
    ["another status", message(`${root}/exec`, said, 404)],
  ])("but not for %s", (_, text) => {
    expect(text).not.toMatch(/verbs/);
  });
});
