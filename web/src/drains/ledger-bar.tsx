/** Every line since the drain was created, in one bar that adds up. */
import type { Drain } from "../api-types.ts";
import { countOf } from "../parts/words.ts";
import { hashOf, logOf } from "../route.ts";
import { partsOf, sharesOf, totalOf } from "./ledger.ts";

export function LedgerBar({ app, drain }: { app: string; drain: Drain }) {
  const parts = partsOf(drain);
  const shares = sharesOf(parts);
  return (
    <section>
      <h3>Every line since it was made</h3>
      <div class="ledger" aria-hidden="true">
        {parts.map(({ name, colour }, n) => (
          <i key={name} class={`part-${colour}`} style={{ width: `${shares[n]}%` }} />
        ))}
      </div>
      <table class="legend">
        <tbody>
          {parts.map(({ name, lines, colour, notice }) => (
            <tr key={name} class={lines === 0 ? "none" : ""}>
              <th scope="row">
                <i class={`part-${colour}`} aria-hidden="true" />
                {name}
              </th>
              <td>
                {notice !== undefined && lines > 0 ? (
                  <a
                    href={hashOf(logOf(app, { sources: ["heroku"], match: `${notice}.*${drain.token}` }))}
                    title="the notices of it in the log: when, how many, and why"
                  >
                    {countOf(lines)}
                  </a>
                ) : (
                  countOf(lines)
                )}
              </td>
            </tr>
          ))}
          <tr class="sum">
            <th scope="row">accepted</th>
            <td>{countOf(totalOf(drain))}</td>
          </tr>
          {drain.replayed > 0 && (
            <tr>
              <th scope="row">sent once more by a replay</th>
              <td>{countOf(drain.replayed)}</td>
            </tr>
          )}
        </tbody>
      </table>
    </section>
  );
}
