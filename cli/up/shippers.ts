/** The two shippers of `up`, one per token: the app's lines and the platform's. Each keeps its lines in order. */
import type { Destination } from "../local/destinations.ts";
import { spillBytesMax, tryMsMax } from "../local/limits.ts";
import { LineSource } from "../local/parcel.ts";
import { openPost } from "../local/post-logs.ts";
import { type Shipped, Shipper, type ShipperOptions } from "../local/shipper.ts";
import { SpillFile } from "../local/spill-file.ts";

/** `local5.warning`, as on Heroku for L-codes (docs/spec/wire-in.md#w6-1). */
const noticePri = 172;
/** Output appears in the log at once, as far as people can tell, but a burst still goes out together. */
const batchMsMax = 25;

type UpShippersOptions = Pick<ShipperOptions, "onRefused" | "onRetry" | "onTakenAgain"> & {
  readonly heroku: Destination;
};

export class UpShippers {
  readonly app: Shipper;
  readonly heroku: Shipper;
  readonly #closeParts: () => Promise<void>;

  constructor({ heroku, ...callbacks }: UpShippersOptions) {
    const { post, close } = openPost(tryMsMax);
    const notices = new LineSource(heroku, { pri: noticePri, process: "up" });
    const spills = {
      app: new SpillFile({ bytesMax: spillBytesMax }),
      heroku: new SpillFile({ bytesMax: spillBytesMax }),
    };
    const shipper = (spill: SpillFile) =>
      new Shipper({
        post,
        waitMs: batchMsMax,
        attemptsMax: Number.POSITIVE_INFINITY,
        whenFull: "hold-when-taken",
        spill,
        notices,
        ...callbacks,
      });
    this.app = shipper(spills.app);
    this.heroku = shipper(spills.heroku);
    this.#closeParts = async () => {
      await close();
      for (const spill of Object.values(spills)) spill.discard();
    };
  }

  get waiting(): Shipper["waiting"] {
    const [app, heroku] = [this.app.waiting, this.heroku.waiting];
    return { lines: app.lines + heroku.lines, reason: app.reason ?? heroku.reason };
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await Promise.all([this.app.idle(), this.heroku.idle()]);
  }

  /** Sends what is left within `graceMs`; resolves to the fate of all lines. */
  async close(graceMs: number): Promise<Shipped> {
    const [app, heroku] = await Promise.all([this.app.close(graceMs), this.heroku.close(graceMs)]);
    await this.#closeParts();
    return {
      delivered: app.delivered + heroku.delivered,
      dropped: app.dropped + heroku.dropped,
      lost: app.lost + heroku.lost,
      reason: app.reason ?? heroku.reason,
      answered: (app.reason === undefined ? heroku : app).answered,
      cutShort: app.cutShort || heroku.cutShort,
    };
  }

  /** Ends the current tries. */
  giveUp(): void {
    this.app.giveUp();
    this.heroku.giveUp();
  }
}
