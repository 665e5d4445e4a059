/** A chart in words, for those who cannot see it. */
import type { Series } from "./chart.tsx";
import { clockOf, type Zone } from "./words.ts";

type Props = {
  readonly title: string;
  readonly timesMs: readonly number[];
  readonly series: readonly Series[];
  readonly zone: Zone;
  readonly format: (value: number) => string;
};
/** The most rows of the table: the newest. */
const tableRowsMax = 30;

export function ChartTable({ title, timesMs, series, zone, format }: Props) {
  const from = Math.max(0, timesMs.length - tableRowsMax);
  return (
    <div class="for-ears">
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">time</th>
            {series.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {timesMs.slice(from).map((timeMs, n) => (
            <tr key={timeMs}>
              <th scope="row">{clockOf(timeMs, zone).time}</th>
              {series.map(({ name, values, tableValues }) => {
                const value = (tableValues ?? values)[from + n];
                return <td key={name}>{value == null ? "none" : format(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
