/**
 * Container logs at a real API server, read by the kubelet's own log reader.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { Pod } from "../../src/resources/index.ts";
import { eventually } from "../support/cluster.ts";
import { figure } from "./support/figures.ts";
import { findKubectl } from "./support/kubectl.ts";
import {
  createPod,
  createPodAccount,
  collect,
  createSharedFolder,
  shell,
  useNode,
} from "./support/pods.ts";
import { cluster, connectAs, rejection, types, ways } from "./support/scene.ts";

const kubectl = await findKubectl(cluster);

/** Longer than a line in the container runtime's file. The reader joins such parts again. */
const LONG = 40_000;
/** Bursts of lines in a log that is being followed. */
const BURSTS = 40;
const LINES_PER_BURST = 50;

const node = useNode("translated");

describe.each(ways)("$way", ({ way, settings }) => {
  async function scene() {
    const account = await createPodAccount();
    const { kube, events } = await connectAs(account, { settings });
    const folder = await createSharedFolder();
    return { account, pods: kube.resource(Pod), events, folder };
  }

  test("logText() and logs() return what kubectl logs prints", async () => {
    const { account, pods, folder } = await scene();
    const long = "x".repeat(LONG);
    const script = [
      "echo first",
      `head -c ${LONG} /dev/zero | tr '\\0' x; echo`,
      "printf 'carriage\\rreturn\\r\\n\\n'",
      "echo ' indented, ünïcode'",
      "printf unfinished",
      folder.waitFor("end"),
    ];
    const name = await createPod(account, node(), { containers: [{ command: shell(...script) }] });
    const text = `first\n${long}\ncarriage\rreturn\r\n\n indented, ünïcode\n`;
    await eventually("all is written", async () => (await pods.logText(name)) === text);
    await folder.open("end");
    // A line without an end is written when the container ends.
    await eventually("the rest is written", async () => {
      return (await pods.logText(name)) === `${text}unfinished`;
    });
    const lines = ["first", long, "carriage\rreturn", "", " indented, ünïcode", "unfinished"];
    expect(await collect(pods.logs(name))).toEqual(lines);
    expect(await collect(pods.logs(name, { follow: true }))).toEqual(lines);
    expect(await pods.logText(name, { tailLines: 1 })).toBe("unfinished");

    const timed = await pods.logText(name, { timestamps: true });
    const first = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z) first\n/.exec(timed)?.[1] ?? "";
    expect(Date.now() - Date.parse(first)).toBeLessThan(60_000);
    const sinceTime = new Date(Date.now() + 60_000).toISOString();
    expect(await pods.logText(name, { sinceTime })).toBe("");
    if (kubectl === undefined) return;
    for (const [args, expected] of [
      [[], `${text}unfinished`],
      [["--tail=1"], "unfinished"],
      [["--timestamps"], timed],
    ] as const) {
      const { stdout } = await kubectl(account.namespace, ["logs", name, ...args]);
      expect(stdout).toBe(expected);
    }
  });

  test("logs() follows a log through its rotation and cut connections, and returns each line once", async () => {
    const { account, pods, folder, events } = await scene();
    const script = [
      folder.waitFor("start"),
      "burst=0",
      `while [ $burst -lt ${BURSTS} ]; do`,
      `  line=0`,
      `  while [ $line -lt ${LINES_PER_BURST} ]; do echo $burst-$line; line=$((line+1)); done`,
      "  echo to standard error $burst >&2",
      "  burst=$((burst+1)); sleep 0.05",
      "done",
    ];
    const name = await createPod(account, node(), { containers: [{ command: shell(...script) }] });
    const told: string[] = [];
    const following = (async () => {
      for await (const line of pods.logs(name, { follow: true })) told.push(line);
    })();
    await folder.open("start");
    const some = (burst: number) => async () => told.length > burst * LINES_PER_BURST;
    await eventually("it is followed", some(2));
    await node().rotateLogs();
    await eventually("it is followed in the next file", some(12));
    await cluster.cutConnections();
    await eventually("it is followed over another connection", some(20));
    await node().cutConnections();
    await following;

    const written = Array.from({ length: BURSTS }, (_, burst) =>
      Array.from({ length: LINES_PER_BURST }, (_unused, line) => `${burst}-${line}`),
    ).flat();
    expect(told.filter((line) => !line.startsWith("to standard error"))).toEqual(written);
    expect(told).toHaveLength(written.length + BURSTS);
    expect(types(events)).toContain("watch-interrupted");
    await figure(`a log across a rotation and two cuts, ${way}: lines`, told.length);
  });

  test("logText() with previous returns the log of the previous container, and throws if there is none", async () => {
    const { account, pods, folder } = await scene();
    const script = [
      `echo run $(ls '${folder.path}' | grep -c run)`,
      `touch '${folder.path}'/run-$$`,
      `[ -e '${folder.path}/again' ] || { ${folder.waitFor("again")}; exit 1; }`,
      folder.waitFor("end"),
    ];
    const name = await createPod(account, node(), {
      restartPolicy: "Always",
      containers: [{ command: shell(...script) }],
    });
    await eventually("it runs", async () => (await pods.logText(name)) === "run 0\n");
    expect(await rejection(pods.logText(name, { previous: true }))).toMatchObject({
      name: "ApiError",
      status: 400,
      message: expect.stringContaining('previous terminated container "main"') as string,
    });
    const told: string[] = [];
    const following = (async () => {
      for await (const line of pods.logs(name, { follow: true })) told.push(line);
    })();
    await eventually("it is followed", async () => told.length === 1);
    await folder.open("again");
    await eventually("it runs again", async () => (await pods.logText(name)) === "run 1\n");
    expect(await pods.logText(name, { previous: true })).toBe("run 0\n");
    expect(await collect(pods.logs(name, { previous: true }))).toEqual(["run 0"]);
    if (kubectl !== undefined) {
      const { stdout } = await kubectl(account.namespace, ["logs", "--previous", name]);
      expect(stdout).toBe("run 0\n");
    }
    await pods.delete(name);
    await following;
    // The request follows one container. It may or may not see the next one.
    expect(["run 0", "run 0,run 1"]).toContain(told.join());
  });

  test("logs() waits for a container with waitForStart, and rejects without it", async () => {
    const { account, pods, folder } = await scene();
    const name = await createPod(account, node(), {
      waits: false,
      initContainers: [{ name: "init", command: shell("echo init", folder.waitFor("init")) }],
      containers: [{ command: shell("echo started") }],
    });
    const early = (): Promise<unknown> => rejection(collect(pods.logs(name)));
    await eventually("it is initialized", async () => {
      return (await pods.logText(name, { container: "init" }).catch(() => "")) === "init\n";
    });
    expect(await early()).toMatchObject({
      status: 400,
      message: expect.stringContaining("PodInitializing") as string,
    });
    const waiting = collect(
      pods.logs(name, { container: "main", follow: true, waitForStart: true }),
    );
    await folder.open("init");
    expect(await waiting).toEqual(["started"]);
  });

  test("logs() follows until its signal aborts or the pod is deleted", async () => {
    const { account, pods } = await scene();
    const name = await createPod(account, node(), {
      containers: [{ command: shell("echo on; sleep 1000") }],
    });
    const abort = new AbortController();
    const aborted = (async () => {
      for await (const line of pods.logs(name, { follow: true, signal: abort.signal })) {
        expect(line).toBe("on");
        abort.abort(new Error("enough"));
      }
    })();
    await expect(aborted).rejects.toThrow("enough");
    const told: string[] = [];
    const following = (async () => {
      for await (const line of pods.logs(name, { follow: true })) told.push(line);
    })();
    await eventually("it is followed", async () => told.length === 1);
    await pods.delete(name);
    await following;
    expect(told).toEqual(["on"]);
  });
});
