// The arguments of npm run bench. Each bench reads them again by itself: here they are explained, and what nobody knows is refused
// before anything is measured for a quarter of an hour.
import { Command, InvalidArgumentError } from "commander";

/** `asks`: what runs for each command, with its options. */
export function benchCommand(asks) {
  const bench = new Command("npm run bench --")
    .usage("[options] [command]")
    .description("tailrace beside other routers, then the questions of bench/ (a quarter of an hour)")
    .option("--full", "ask the questions of scale too: NATS, 10,000 apps, memory (some minutes more)")
    .showHelpAfterError()
    .argument("[command]")
    .action((word) => (word === undefined ? asks.table() : bench.unknownCommand()));
  bench
    .command("routers")
    .description("tailrace beside rsyslog, syslog-ng, fastify and plain Node, in one table")
    .argument("[words...]", "only jobs with one of these words in their names")
    .option("--rounds <n>", "medians of so many runs", wholeNumber, 5)
    .option("--lines <n>", "lines of a run", wholeNumber, 3_000_000)
    .action(asks.table);
  bench
    .command("parts")
    .description("the questions of bench/ alone")
    .option("--full", "those of scale too")
    .action(asks.table);
  bench
    .command("attacks")
    .description("what a victim feels beside each attack")
    .argument("[words...]", "only attacks with one of these words in their names")
    .option("--nats", "on NATS instead of the embedded store")
    .option("--rounds <n>", "medians of so many runs", wholeNumber, 1)
    .option("--seconds <n>", "how long each attack lasts", wholeNumber, 4)
    .option("--warm", "attack the server once before, for two seconds")
    .option("--floor", "attack ports that take what comes instead: what is the machine's own doing")
    .option("--node <argument>", "an argument of the server's Node; may be repeated")
    .action((_words, options) => asks.attacks(options));
  bench
    .command("used-memory")
    .description("is a byte sent of memory that is somebody else's by then?")
    .option("--nats", "on NATS instead of the embedded store")
    .option("--seconds <n>", "for how long", wholeNumber, 60)
    .action(asks.usedMemory);
  return bench;
}

function wholeNumber(text) {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError("It is a whole number from 1 on.");
  return Number(text);
}
