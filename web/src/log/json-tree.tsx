/** A JSON value as a tree that can be expanded. */
type Props = { readonly value: unknown; readonly name?: string | undefined; readonly depth?: number };

/** Deeper values are shown as text, and long lists only in part. */
const depthMax = 12;
const entriesMax = 200;

export function JsonTree({ value, name, depth = 0 }: Props) {
  const label = name === undefined ? null : <span class="json-name">{name}: </span>;
  if (typeof value !== "object" || value === null || depth >= depthMax) {
    return (
      <div class="json-leaf">
        {label}
        <span class={`json-${value === null ? "null" : typeof value}`}>{JSON.stringify(value)}</span>
      </div>
    );
  }
  const entries = Object.entries(value);
  const kind = Array.isArray(value) ? `${entries.length} items` : `${entries.length} fields`;
  return (
    <details class="json" open={depth < 4}>
      <summary>
        {label}
        <span class="mute">{kind}</span>
      </summary>
      {entries.slice(0, entriesMax).map(([key, one]) => (
        <JsonTree key={key} name={key} value={one} depth={depth + 1} />
      ))}
      {entries.length > entriesMax && <div class="mute">{entries.length - entriesMax} more</div>}
    </details>
  );
}
