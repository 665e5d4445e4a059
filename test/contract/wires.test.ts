/** The wire to real servers and the one of the model keep one contract, so that tests on the model say something. */
import { afterAll, beforeAll } from "vitest";
import { realClock } from "../../src/clock.ts";
import { openConnection } from "../../src/engines/nats/wire/open-connection.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { type NatsCluster, startNats } from "../support/nats.ts";
import { NatsModel } from "../support/nats-model/server.ts";
import { wireContract } from "./wire.ts";

let cluster: NatsCluster;
beforeAll(async () => {
  cluster = await startNats();
});
afterAll(() => cluster?.close());

wireContract("to a real server", async () => {
  const { urls, servers } = cluster;
  const open = () => openConnection({ urls, clock: realClock });
  const [here, there] = [await open(), await open()];
  return {
    here,
    there,
    pass: async () => {},
    break: () => servers[0]!.kill(),
    restore: () => servers[0]!.start(),
    close: async () => {
      await here.close();
      await there.close();
    },
  };
});

wireContract("of the model", async () => {
  const clock = new FakeClock();
  const server = new NatsModel(clock);
  const [here, there] = [server.connect(), server.connect()];
  return {
    here,
    there,
    pass: (ms) => clock.advance(ms),
    break: async () => {
      for (const wire of [here, there]) wire.break();
    },
    restore: async () => {
      for (const wire of [here, there]) wire.restore();
    },
    close: async () => {
      await here.close();
      await there.close();
    },
  };
});
