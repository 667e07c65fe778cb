import { describe, expect, onTestFinished, test } from "vitest";
import type { LogLinesOptions } from "../../../src/pods/logs.ts";
import { type Things, bindThings } from "../support/bound-things.ts";
import { ClosedError, ConnectionError } from "../../../src/errors.ts";
import {
  type ScriptedAnswer,
  type ScriptedClient,
  Stream,
  createScriptedClient,
  refused,
} from "../support/scripted-client.ts";

interface Bound {
  readonly client: ScriptedClient;
  readonly things: Things;
}

function bind(...answers: readonly ScriptedAnswer[]): Bound {
  const client = createScriptedClient();
  client.answer(...answers);
  return { client, things: bindThings(client) };
}

const written = (time: string, text: string): string => `2026-01-01T00:00:${time}Z ${text}\n`;

/** A pod whose container is running or has ended. */
function aPod(state: "running" | "terminated"): object {
  return { kind: "Pod", status: { containerStatuses: [{ name: "web", state: { [state]: {} } }] } };
}

const over = aPod("terminated");

/** Follows a log, and reads its lines one by one. */
function follow(
  answers: readonly ScriptedAnswer[],
  options: LogLinesOptions = {},
): { client: ScriptedClient; take(count: number): Promise<string[]>; rest(): Promise<string[]> } {
  const { client, things } = bind(...answers);
  const lines = things.logs("a", { follow: true, ...options });
  onTestFinished(async () => {
    client.close(new ClosedError());
    await lines.return?.().catch(() => {});
  });

  async function rest(): Promise<string[]> {
    const all: string[] = [];
    for await (const line of lines) all.push(line);
    return all;
  }

  return {
    client,
    rest,
    async take(count) {
      const taken: string[] = [];
      while (taken.length < count) {
        const { done, value } = await lines.next();
        if (done) throw new Error("Cannot take a line: the log is over");
        taken.push(value);
      }
      return taken;
    },
  };
}

describe("logText()", () => {
  test("returns the log unchanged", async () => {
    const { things, client } = bind(new Stream().write("first\n").write("second\n").end());
    const options = { container: "web", tailLines: 2, previous: true, timestamps: true };
    expect(await things.logText("a", options)).toBe("first\nsecond\n");
    expect(client.requests).toMatchObject([
      {
        path: "/apis/example.com/v1/namespaces/default/things/a/log",
        query: { container: "web", tailLines: "2", previous: "true", timestamps: "true" },
      },
    ]);
  });

  test("rejects as any other verb does", async () => {
    await expect(bind(refused(404, "NotFound")).things.logText("a")).rejects.toMatchObject({
      status: 404,
    });
    await expect(bind().things.logText("a", { lines: 2 } as never)).rejects.toThrow("option lines");
  });
});

describe("logs()", () => {
  test("returns the existing lines one by one, and ends", async () => {
    const { things, client } = bind(
      new Stream().write("fir").write("st\nsecond\nun").write("finished").end(),
    );
    const lines: string[] = [];
    for await (const line of things.logs("a")) lines.push(line);
    expect(lines).toEqual(["first", "second", "unfinished"]);
    expect(client.requests).toHaveLength(1);
    expect(client.requests[0]?.query).toEqual({});
  });

  test("throws if the connection is lost and the log is not followed", async () => {
    const stream = new Stream().write("first\n");
    const lines = bind(stream).things.logs("a");
    expect(await lines.next()).toMatchObject({ value: "first" });
    stream.fail();
    await expect(lines.next()).rejects.toThrow(ConnectionError);
  });

  test("follows new lines, with timestamps only if requested", async () => {
    const stream = new Stream().write(written("01.5", "one")).write(written("02", "two"));
    const plain = follow([stream]);
    expect(await plain.take(2)).toEqual(["one", "two"]);
    expect(plain.client.requests[0]?.query).toEqual({ follow: "true", timestamps: "true" });
    const timed = follow([new Stream().write(written("01.5", "one"))], { timestamps: true });
    expect(await timed.take(1)).toEqual(["2026-01-01T00:00:01.5Z one"]);
  });

  test("continues after a lost connection, and returns each line once", async () => {
    const first = new Stream().write(written("01.1", "a")).write(written("01.2", "b"));
    const second = new Stream();
    // From the whole second on, as the kubelet returns it.
    for (const [time, text] of [
      ["01.1", "a"],
      ["01.2", "b"],
      ["01.2", "b2"],
      ["02", "c"],
    ] as const) {
      second.write(written(time, text));
    }
    const { client, take } = follow([first, second], { tailLines: 10 });
    expect(await take(2)).toEqual(["a", "b"]);
    const next = take(2);
    first.fail();
    await client.clock.advance(250);
    expect(await next).toEqual(["b2", "c"]);
    expect(client.requests[0]?.query).toMatchObject({ tailLines: "10" });
    expect(client.requests[1]?.query).toEqual({
      follow: "true",
      timestamps: "true",
      sinceTime: "2025-12-31T23:59:56.000Z",
    });
    expect(client.events).toMatchObject([{ type: "watch-interrupted" }]);
  });

  test("does not mistake the server's end for the container's", async () => {
    const first = new Stream().write(written("01", "a")).end();
    const second = new Stream().write(written("01", "a")).write(written("02", "b")).end();
    const third = new Stream().write(written("02", "b")).end();
    const { client, rest } = follow([first, second, third, over]);
    expect(await rest()).toEqual(["a", "b"]);
    expect(client.requests.map(({ path }) => path.split("/").at(-1))).toEqual([
      "log",
      "log",
      "log",
      "a",
    ]);
  });

  test("continues through a quiet period in which the server ends it repeatedly", async () => {
    const first = new Stream().write(written("01", "a")).end();
    const quiet = (): Stream => new Stream().write(written("01", "a")).end();
    const late = new Stream().write(written("01", "a")).write(written("09", "late"));
    const running = aPod("running");
    const { client, take } = follow([first, quiet(), running, quiet(), running, late]);
    expect(await take(1)).toEqual(["a"]);
    const next = take(1);
    await client.clock.advance(2_000);
    expect(await next).toEqual(["late"]);
    expect(client.events).toHaveLength(2);
  });

  test.each([
    [
      "another container runs",
      { status: { containerStatuses: [{ name: "b", state: { running: {} } }] } },
    ],
    ["the pod is gone", refused(404, "NotFound")],
    ["the pod may not be looked at", refused(403, "Forbidden")],
  ])("ends with the stream if %s", async (_what, pod) => {
    const line = written("01", "a");
    const { rest } = follow([new Stream().write(line).end(), new Stream().write(line).end(), pod], {
      container: "web",
    });
    expect(await rest()).toEqual(["a"]);
  });

  test("ends with its last line when the pod is deleted", async () => {
    const last = written("02", "no end").slice(0, -1);
    const first = new Stream().write(written("01", "a")).write(last).end();
    const { client, rest } = follow([first, refused(404, "NotFound")]);
    expect(await rest()).toEqual(["a", "no end"]);
    expect(client.requests).toHaveLength(2);
    expect(client.events).toEqual([]);
  });

  test("returns a line that was cut off once, and in full", async () => {
    const whole = written("02", "a long line");
    const first = new Stream().write(written("01", "a")).write(whole.slice(0, -6)).end();
    const second = new Stream().write(written("01", "a")).write(whole).end();
    const { rest } = follow([first, second, new Stream().write(whole).end(), over]);
    expect(await rest()).toEqual(["a", "a long line"]);
  });

  test("returns a last line without a line break", async () => {
    const last = written("02", "no end").slice(0, -1);
    const { rest } = follow([
      new Stream().write(written("01", "a")).write(last).end(),
      new Stream().write(last).end(),
      over,
    ]);
    expect(await rest()).toEqual(["a", "no end"]);
  });

  test("ends if the server rejects a reconnect, and waits if the server is only unavailable", async () => {
    const first = new Stream().write(written("01", "a"));
    const { client, take } = follow([first]);
    await take(1);
    const next = take(1);
    first.fail();
    client.answer(refused(503, "ServiceUnavailable"), refused(404, "NotFound"));
    const outcome = expect(next).rejects.toMatchObject({ status: 404 });
    await client.clock.advance(1_000);
    await outcome;
    expect(client.requests).toHaveLength(3);
  });

  test("throws if it can't start", async () => {
    await expect(follow([refused(400, "BadRequest")]).take(1)).rejects.toMatchObject({
      status: 400,
    });
    const lost = follow([new ConnectionError("Cannot connect")]);
    await expect(lost.take(1)).rejects.toThrow(ConnectionError);
  });

  test("returns lines with timestamps earlier than the previous one: stdout and stderr interleave", async () => {
    const stream = new Stream().write(written("05", "out")).write(written("03", "err"));
    expect(await follow([stream]).take(2)).toEqual(["out", "err"]);
  });

  test("strips the line break and nothing else", async () => {
    const { things } = bind(
      new Stream().write("1%\r50%\r\n\ufeffa\ufeff\n\r\r\n\n b \n\ufeffend\r").end(),
    );
    const lines: string[] = [];
    for await (const line of things.logs("a")) lines.push(line);
    expect(lines).toEqual(["1%\r50%", "\ufeffa\ufeff", "\r", "", " b ", "\ufeffend\r"]);
  });

  test("throws the right error if a line is too long, and loads that line once", async () => {
    const stream = new Stream().write(written("01", "a"));
    const { client, take } = follow([stream]);
    await take(1);
    const next = take(1);
    for (let count = 0; count < 17; count++) stream.write("x".repeat(1024 * 1024));
    await expect(next).rejects.toThrow(/a line is longer than 16777216 bytes/);
    await expect(next).rejects.not.toThrow("connection");
    expect(client.requests).toHaveLength(1);
  });

  test("waits for a container to start if requested", async () => {
    const waiting = {
      status: {
        containerStatuses: [{ name: "web", state: { waiting: { reason: "ContainerCreating" } } }],
      },
    };
    const stream = new Stream().write(written("01", "a"));
    const { client, take } = follow([{ status: {} }, waiting, aPod("running"), stream], {
      waitForStart: true,
    });
    const taking = take(1);
    await client.clock.advance(3_000);
    expect(await taking).toEqual(["a"]);
    expect(client.requests.at(-1)?.query).toEqual({ follow: "true", timestamps: "true" });
  });

  test("waits for a start no longer than allowed, and reports what it saw", async () => {
    const waiting = {
      status: {
        containerStatuses: [{ name: "web", state: { waiting: { reason: "ImagePullBackOff" } } }],
      },
    };
    const answers = Array.from({ length: 7 }, () => waiting);
    const { client, take } = follow(answers, { waitForStart: true, startTimeoutMs: 5_000 });
    const taking = expect(take(1)).rejects.toThrow(
      "no container started within 5000 ms (startTimeoutMs); last seen: ImagePullBackOff",
    );
    await client.clock.advance(6_000);
    await taking;
  });

  test("throws the reason of its signal, whatever it waits for", async () => {
    const lost = new Stream().write(written("01", "a"));
    for (const stream of [new Stream().write(written("01", "a")), lost]) {
      const abort = new AbortController();
      const { client, take } = follow([stream], { signal: abort.signal });
      await take(1);
      const outcome = expect(take(1)).rejects.toThrow("enough");
      if (stream === lost) stream.fail();
      await client.clock.advance(0);
      abort.abort(new Error("enough"));
      await outcome;
      expect(client.clock.pending).toBe(0);
    }
  });
});
