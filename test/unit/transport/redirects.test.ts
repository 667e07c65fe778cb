/**
 * Redirects: followed only to where credentials may be sent.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import { withRedirects } from "../../../src/transport/redirects.ts";
import { type Answer, answer, outgoing, recordingSend } from "../support/outgoing.ts";

function redirect(location: string, status = 302): Answer {
  return answer(status, { location });
}

describe("withRedirects()", () => {
  test.each([301, 302, 303, 307, 308])(
    "follows a %d of GET and HEAD within the origin",
    async (status) => {
      for (const method of ["GET", "HEAD"]) {
        const first = redirect("/b?x=1", status);
        const { send, sent } = recordingSend(first, answer(200));
        const headers = new Map([["authorization", "Bearer sesame"]]);
        const response = await withRedirects(send)(outgoing("/a", { method, headers }));
        expect(response.status).toBe(200);
        expect(first.discarded).toBe(true);
        expect(sent[1]?.request.url.href).toBe("https://10.96.0.1/b?x=1");
        expect(sent[1]?.request.method).toBe(method);
        expect(sent[1]?.authorization).toBe("Bearer sesame");
      }
    },
  );

  test("resolves each location against the URL that sent it", async () => {
    const { send, sent } = recordingSend(
      redirect("b/c"),
      redirect("d"),
      redirect("https://10.96.0.1:443/e"),
      answer(200),
    );
    await withRedirects(send)(outgoing("/x/a"));
    expect(sent.map(({ request }) => request.url.pathname)).toEqual([
      "/x/a",
      "/x/b/c",
      "/x/b/d",
      "/e",
    ]);
  });

  test.each([
    "https://evil.example/",
    "//evil.example/",
    "https://10.96.0.1:6443/",
    "http://10.96.0.1/",
    "https://10.96.0.1.evil.example/",
    "https:\\\\evil.example",
    "data:text/plain,x",
    "blob:https://10.96.0.1/b8a2",
    "https://[",
  ])("returns one to another origin with its body: %s", async (location) => {
    const response = redirect(location);
    const { send, sent } = recordingSend(response);
    expect(await withRedirects(send)(outgoing("/a"))).toBe(response);
    expect(response.discarded).toBe(false);
    expect(sent).toHaveLength(1);
  });

  test("returns one to another origin after others that it followed", async () => {
    const response = redirect("https://evil.example/");
    const { send, sent } = recordingSend(redirect("/b"), response);
    expect(await withRedirects(send)(outgoing("/a"))).toBe(response);
    expect(sent).toHaveLength(2);
  });

  test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("returns one of %s", async (method) => {
    const response = redirect("/b", 307);
    const { send, sent } = recordingSend(response);
    expect(await withRedirects(send)(outgoing("/a", { method }))).toBe(response);
    expect(sent).toHaveLength(1);
  });

  test("returns other statuses, and a redirect without a location", async () => {
    for (const response of [
      answer(300, { location: "/b" }),
      answer(304, { location: "/b" }),
      answer(302),
    ]) {
      expect(await withRedirects(recordingSend(response).send)(outgoing("/a"))).toBe(response);
    }
  });

  test('returns every one when redirect is "manual"', async () => {
    const response = redirect("/b");
    const { send } = recordingSend(response);
    expect(await withRedirects(send)(outgoing("/a", { redirect: "manual" }))).toBe(response);
  });

  test('throws a TypeError when redirect is "error"', async () => {
    const response = redirect("/b");
    const request = outgoing("/a?token=sesame", { redirect: "error" });
    const redirected = withRedirects(recordingSend(response).send)(request);
    await expect(redirected).rejects.toThrow(TypeError);
    await expect(redirected).rejects.toThrow(
      /^Cannot GET https:\/\/10\.96\.0\.1\/a: the server redirects/,
    );
    expect(response.discarded).toBe(true);
  });

  test("throws a ConnectionError when there are more than 20", async () => {
    const { send, sent } = recordingSend(redirect("/a"));
    const redirected = withRedirects(send)(outgoing("/a"));
    await expect(redirected).rejects.toThrow(ConnectionError);
    await expect(redirected).rejects.toThrow(/more than 20 times/);
    expect(sent).toHaveLength(21);
  });
});
