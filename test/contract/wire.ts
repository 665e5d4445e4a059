/** The contract of a connection to NATS (`src/engines/nats/wire/wire.ts`), on which the engine relies. */
import { ErrorCode, headers, type Msg } from "nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Wire } from "../../src/engines/nats/wire/wire.ts";
import { until } from "../support/until.ts";

/** Two wires to one server. */
type WirePair = {
  readonly here: Wire & { close(): Promise<void> };
  readonly there: Wire & { close(): Promise<void> };
  /** Lets this much time pass, if the test controls the clock. */
  pass(ms: number): Promise<void>;
  /** The server goes away for both, and comes back. */
  break(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
};

export function wireContract(name: string, open: () => Promise<WirePair>): void {
  describe(`the wire, ${name}`, () => {
    let pair: WirePair;
    let here: WirePair["here"];
    let there: WirePair["there"];
    beforeEach(async () => {
      pair = await open();
      ({ here, there } = pair);
    });
    afterEach(() => pair.close());

    /** The server knows of all subscriptions that were made on `wire`. */
    const known = async (wire: Wire) => {
      await wire.request("$JS.API.INFO", "", 5_000);
    };

    test("what is published comes to all who subscribed, by its subject or a pattern, in order, and not at once", async () => {
      const came: string[] = [];
      const take = (by: string) => (msg: Msg) => came.push(`${by} ${msg.subject} ${msg.string()}`);
      there.subscribe("log.3.a", take("exact"));
      there.subscribe("log.*.a", take("star"));
      there.subscribe("log.>", take("rest"));
      here.subscribe("log.3.b", take("own"));
      await known(there);
      await known(here);
      here.publish("log.3.a", "one");
      here.publish("log.3.b", Buffer.from("two"));
      here.publish("log.3.a", "three");
      expect(came).toEqual([]);
      await until(() => came.length === 8);
      expect(came.filter((one) => one.startsWith("rest"))).toEqual([
        "rest log.3.a one",
        "rest log.3.b two",
        "rest log.3.a three",
      ]);
      for (const by of ["exact", "star"])
        expect(came.filter((one) => one.startsWith(by))).toEqual([
          `${by} log.3.a one`,
          `${by} log.3.a three`,
        ]);
      expect(came.filter((one) => one.startsWith("own"))).toEqual(["own log.3.b two"]);
    });

    test("a subscription that is over takes nothing more", async () => {
      const came: string[] = [];
      const end = there.subscribe("a", (msg) => came.push(`first ${msg.string()}`));
      there.subscribe("b", (msg) => came.push(msg.string()));
      await known(there);
      end();
      await known(there);
      here.publish("a", "lost");
      here.publish("b", "end");
      await until(() => came.includes("end"));
      expect(came).toEqual(["end"]);
    });

    test("headers, payload and the subject for answers arrive as they were", async () => {
      const came: Msg[] = [];
      there.subscribe("a", (msg) => came.push(msg));
      await known(there);
      const given = headers();
      given.set("Nats-Msg-Id", "7");
      here.publish("a", Buffer.from([0, 255, 10, 13]), { reply: "answers.here", headers: given });
      await until(() => came.length === 1);
      const [{ data, headers: got, reply }] = came as [Msg];
      expect([...data]).toEqual([0, 255, 10, 13]);
      expect([got?.get("Nats-Msg-Id"), reply]).toEqual(["7", "answers.here"]);
    });

    test("a question has the first answer; without one it is rejected in its time, at once where nobody is", async () => {
      there.subscribe("echo", (msg) => {
        there.publish(msg.reply!, `first ${msg.string()}`);
        there.publish(msg.reply!, "second");
      });
      there.subscribe("mute", () => {});
      await known(there);
      expect((await here.request("echo", "x", 5_000)).string()).toBe("first x");
      await expect(here.request("nobody", "", 5_000)).rejects.toMatchObject({ code: ErrorCode.NoResponders });
      const asked = here.request("mute", "", 50);
      asked.catch(() => {});
      await pair.pass(50);
      await expect(asked).rejects.toMatchObject({ code: ErrorCode.Timeout });
    });

    test("a broken one says so, and after each return tells those who want to hear of it", async () => {
      let returns = 0;
      let others = 0;
      here.onReconnect(() => returns++);
      const end = here.onReconnect(() => others++);
      const came: string[] = [];
      here.subscribe("a", (msg) => came.push(msg.string()));
      for (let n = 1; n <= 2; n++) {
        expect([here.connected, returns]).toEqual([true, n - 1]);
        await pair.break();
        await until(() => !here.connected);
        await pair.restore();
        await until(() => returns === n && there.connected);
        expect(others).toBe(1);
        end();
        await known(here); // subscriptions hold
        there.publish("a", `after return ${n}`);
        await until(() => came.includes(`after return ${n}`));
      }
    });

    test("a closed one throws and rejects", async () => {
      await here.close();
      expect(here.connected).toBe(false);
      expect(() => here.publish("a")).toThrow();
      await expect((async () => here.request("a", "", 5_000))()).rejects.toThrow();
    });

    test("says how much a message may weigh", () => {
      expect(here.payloadBytesMax).toBe(1024 * 1024);
    });
  });
}
