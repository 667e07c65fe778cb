import { expect, test } from "vitest";
import { summarise } from "../../../tools/demo/summary.ts";
import { drawSvg } from "../../../tools/demo/svg.ts";
import type { ClientLane, Step, Timeline } from "../../../tools/demo/timeline.ts";

const at = { beganAt: 0, endedAt: 0 };
const steps: readonly Step[] = [
  { rotation: 0, where: "file", authorities: [1], ...at },
  { rotation: 0, where: "server", authorities: [1], ...at },
  { rotation: 1, where: "server", authorities: [2], beganAt: 2_000, endedAt: 2_010 },
  { rotation: 1, where: "file", authorities: [2], beganAt: 3_000, endedAt: 3_010 },
];

function lane(label: string, isReanchor: boolean, failsUntil: number): ClientLane {
  const records = Array.from({ length: 100 }, (_, index) => {
    const startedAt = index * 50;
    return { startedAt, endedAt: startedAt + 5, ok: startedAt < 2_000 || startedAt > failsUntil };
  });
  return { id: label, label, detail: "Node 24", isReanchor, records };
}

function draw(...clients: ClientLane[]): string {
  const timeline: Timeline = { clients, steps, durationMs: 5_000 };
  const counts = { handshakes: 77, reloads: "88" };
  return drawSvg(
    timeline,
    clients.map((client) => summarise(client, timeline, counts)),
  );
}

/** Every tag is closed in the right place, and no attribute is empty or NaN. */
function checkWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, close, name = "", self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (close === "/") expect(open.pop()).toBe(name);
    else if (self !== "/") open.push(name);
  }
  expect(open).toEqual([]);
  expect(svg).not.toMatch(/NaN|undefined|Infinity|width="-|&(?!(?:amp|lt|gt|quot);)/);
}

test("drawSvg() draws a standalone picture with a row and the numbers of each client", () => {
  const svg = draw(
    lane("CA read once", false, 9_999),
    lane("client-node list", false, 3_040),
    lane("reanchor on Node", true, 0),
  );
  checkWellFormed(svg);
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d+ \d+"/);
  expect(svg).not.toMatch(/href|url\(|<script/);
  expect(svg).toContain(">CA read once<");
  expect(svg).toContain(">reanchor on Node<");
  expect(svg.match(/>77</g)).toHaveLength(3);
  expect(svg.match(/>88</g)).toHaveLength(3);
  expect(svg).toContain("CA read once: 100 requests, 36 failed, and 24 while ca.crt did not");
  expect(svg).toContain("client-node list: 100 requests, 0 failed, and 21 while ca.crt did not");
  expect(svg).toContain("reanchor on Node: 100 requests, 0 failed");
});

test("drawSvg() draws failures at their time, and colours only these", () => {
  const harmed = draw(lane("client-node list", false, 3_040));
  const unharmed = draw(lane("client-node list", false, 0));
  const bars = [...harmed.matchAll(/<rect class="(ok|failed|excused)" x="([\d.]+)"/g)];
  const firstOk = Number(bars[0]?.[2]);
  // The last ones of each kind belong to the legend.
  const amber = Number(bars.find(([, kind]) => kind === "excused")?.[2]);
  const green = Number(bars.filter(([, kind]) => kind === "ok")[1]?.[2]);
  // The same scale as that of the CAs' bars.
  expect(firstOk).toBe(Number(/<rect fill="[^"]*" x="([\d.]+)"/.exec(harmed)?.[1]));
  // 0 s, 2 s and 3.05 s.
  expect((green - firstOk) / (amber - firstOk)).toBeCloseTo(3.05 / 2, 2);
  expect(harmed.match(/<rect class="excused"/g)).toHaveLength(2);
  expect(unharmed.match(/<rect class="excused"/g)).toHaveLength(1);
  expect(unharmed.match(/<rect class="failed"/g)).toHaveLength(1);
});

test("drawSvg() marks the server's change and says that there was no overlap", () => {
  const svg = draw(lane("reanchor on Node", true, 3_040));
  expect(svg).toContain(">rotation 1<");
  expect(svg).toContain(">without overlap<");
});

test("drawSvg() escapes external text, and says which process ended early", () => {
  const svg = draw({ ...lane('a <b> & "c"', true, 0), died: "by SIGKILL" });
  checkWellFormed(svg);
  expect(svg).toContain("a &lt;b&gt; &amp; &quot;c&quot;");
  expect(svg).toContain("the process ended early");
});
