/**
 * Warnings about certificates that are about to expire: one per certificate and warning distance.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ReanchorEvent, TrustAnchor } from "../../../src/events.ts";
import { AnchorUse } from "../../../src/rotation/anchor-use.ts";
import { ExpiryWarnings, checkDistances } from "../../../src/rotation/expiry-warnings.ts";
import type { Trust } from "../../../src/rotation/trust.ts";
import type { CaBundle } from "../../../src/sources/ca-source.ts";
import type { ClientCert } from "../../../src/sources/client-cert-source.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

interface Life {
  readonly fingerprint: string;
  /** From now. */
  readonly endsIn: number;
  readonly lifetime: number;
}

function setUp(warnBeforeExpiryMs?: readonly number[]) {
  const clock = new ManualClock();
  const began = clock.wallNow();
  const events: ReanchorEvent[] = [];
  const warnings = new ExpiryWarnings({
    settings: { ca: undefined, clientCert: undefined },
    clock,
    onEvent: (event) => events.push(event),
    warnBeforeExpiryMs: checkDistances(warnBeforeExpiryMs),
    anchorUse: new AnchorUse(),
  });

  function certificate({ fingerprint, endsIn, lifetime }: Life): TrustAnchor {
    const notAfter = began + endsIn;
    const fields = { fingerprint, notAfter, notBefore: notAfter - lifetime };
    return { subject: "CN=a", issuer: "CN=a", keyIdentifier: undefined, ...fields };
  }

  function trustIn(...lives: Life[]): Trust {
    const anchors = lives.map(certificate);
    const bundle: CaBundle = { certificates: [], anchors, fingerprint: "", loadedAt: 0 };
    return { bundle, clientCert: undefined };
  }

  return {
    clock,
    warnings,
    certificate,
    trustIn,
    /** The events since the last call. */
    said: () => events.splice(0).map((event) => ("distanceMs" in event ? event : undefined)),
  };
}

describe("ExpiryWarnings", () => {
  test("emits at 30, 7 and 1 days for a CA that lives for years", async () => {
    const { clock, warnings, trustIn, said } = setUp();
    const trust = trustIn({ fingerprint: "a", endsIn: 31 * DAY, lifetime: 3650 * DAY });
    const days: number[] = [];
    for (let day = 31; day >= -2; day -= 1) {
      for (let look = 0; look < 3; look += 1) {
        warnings.check(trust);
        for (const event of said()) {
          expect(event).toMatchObject({ type: "ca-expiring", subject: "CN=a", inUse: undefined });
          days.push(day, (event?.distanceMs ?? 0) / DAY);
        }
      }
      await clock.advance(DAY);
    }
    expect(days).toEqual([30, 30, 7, 7, 1, 1]);
  });

  test("emits at a fifth, a twentieth and a hundredth of a short lifetime", async () => {
    const { clock, warnings, certificate, said } = setUp();
    const life = { fingerprint: "a", endsIn: 24 * HOUR, lifetime: 24 * HOUR };
    const clientCert = certificate(life) as unknown as ClientCert;
    const trust = { bundle: undefined, clientCert };
    const minutes: number[] = [];
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      warnings.check(trust);
      for (const event of said()) {
        expect(event?.type).toBe("client-cert-expiring");
        minutes.push(Math.round((event?.expiresInMs ?? 0) / 60_000));
      }
      await clock.advance(60_000);
    }
    expect(minutes).toEqual([288, 72, 14]);
  });

  test("emits only the shortest distance if several have passed, and once if the certificate has expired", async () => {
    const { clock, warnings, trustIn, said } = setUp([7 * DAY, 30 * DAY, DAY]);
    const soon = { fingerprint: "soon", endsIn: 2 * DAY, lifetime: 365 * DAY };
    const gone = { fingerprint: "gone", endsIn: -HOUR, lifetime: 365 * DAY };
    const trust = trustIn(soon, gone);
    warnings.check(trust);
    expect(said()).toMatchObject([
      { fingerprint: "soon", distanceMs: 7 * DAY, expiresInMs: 2 * DAY },
      { fingerprint: "gone", distanceMs: DAY, expiresInMs: -HOUR },
    ]);
    await clock.advance(HOUR);
    warnings.check(trust);
    expect(said()).toEqual([]);
    await clock.advance(DAY);
    warnings.check(trust);
    expect(said()).toMatchObject([{ fingerprint: "soon", distanceMs: DAY }]);
  });

  test("emits for a new certificate as for the old one, and nothing again for one that stays", async () => {
    const { warnings, trustIn, said } = setUp([DAY]);
    const life = { endsIn: HOUR, lifetime: DAY };
    warnings.check(trustIn({ fingerprint: "a", ...life }));
    warnings.check(trustIn({ fingerprint: "a", ...life }, { fingerprint: "b", ...life }));
    warnings.check(trustIn({ fingerprint: "b", ...life }));
    expect(said()).toMatchObject([{ fingerprint: "a" }, { fingerprint: "b" }]);
  });

  test("emits nothing with an empty list", () => {
    const { warnings, trustIn, said } = setUp([]);
    warnings.check(trustIn({ fingerprint: "a", endsIn: -1, lifetime: DAY }));
    expect(said()).toEqual([]);
  });

  test("emits at the expiry itself with a distance of 0", async () => {
    const { clock, warnings, trustIn, said } = setUp([0]);
    const trust = trustIn({ fingerprint: "a", endsIn: 1, lifetime: DAY });
    warnings.check(trust);
    expect(said()).toEqual([]);
    await clock.advance(1);
    warnings.check(trust);
    expect(said()).toMatchObject([{ expiresInMs: 0, distanceMs: 0 }]);
  });
});

test.each([[5], ["30d"], [["30d"]], [{}], [null]])("checkDistances() rejects %j", (given) => {
  expect(() => checkDistances(given as never)).toThrow(TypeError);
});

test.each([[[-1]], [[Number.NaN]], [[Number.POSITIVE_INFINITY]]])(
  "checkDistances() rejects %j, which is out of range",
  (given) => {
    expect(() => checkDistances(given)).toThrow(RangeError);
  },
);
