import type { Command } from "commander";
import { type Context, jsonOption } from "../context.ts";

export function registerSources(program: Command, { api, output }: Context): void {
  program
    .command("sources")
    .description(
      "list who sends logs here, how, and what last went wrong: syslog, RELP and HTTP (for the operator)",
    )
    .addOption(jsonOption())
    .action(async ({ json }: { json?: true }) => {
      const senders = await api().senders();
      if (json) return output.json(senders);
      if (senders.length === 0)
        return output.note(
          "Nobody has sent anything over syslog or RELP since the server started, and nothing was wrong over HTTP.",
        );
      const areSeveral = new Set(senders.map(({ node }) => node)).size > 1;
      await output.table(
        [...(areSeveral ? ["NODE"] : []), "PEER", "DOOR", "FRAMING", "FRAMES", "LAST SEEN", "LAST ERROR"],
        senders.map((sender) => [
          ...(areSeveral ? [sender.node ?? "-"] : []),
          sender.peer,
          sender.door ?? "-",
          sender.framing ?? "-",
          String(sender.frames),
          sender.seen_at,
          sender.last_error === null ? "-" : `${sender.last_error.cause}, ${sender.last_error.at}`,
        ]),
      );
      const told = new Set<string>(); // one error of a peer, whatever its doors
      for (const { peer, last_error: error } of senders) {
        if (error === null) continue;
        const lines = [`${peer}: ${error.message}. ${error.mend}`];
        if (error.first_bytes !== null) lines.push(`  it began with: ${error.first_bytes}`);
        const words = lines.join("\n");
        if (!told.has(words)) output.note(...lines);
        told.add(words);
      }
    });
}
