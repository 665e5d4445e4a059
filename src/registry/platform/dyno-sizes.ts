/** Dyno sizes by Heroku's names. Here a size is only a memory quota, in MB. */

const sizes: ReadonlyMap<string, number> = new Map([
  ["Eco", 512],
  ["Basic", 512],
  ["Standard-1X", 512],
  ["Standard-2X", 1024],
  ["Performance-M", 2560],
  ["Performance-L", 14_336],
  ["Performance-L-RAM", 30_720],
  ["Performance-XL", 63_488],
  ["Performance-2XL", 129_024],
]);

export const defaultSize = "Standard-1X";
export const sizeNames: readonly string[] = [...sizes.keys()];

/**
 * The size with this name, regardless of case; `1X`, `2X`, `1` and `2` are the standard ones. Undefined for any other
 * word.
 */
export function sizeNamed(name: string): string | undefined {
  const wanted = name.toLowerCase().replace(/^([12])x?$/, "standard-$1x");
  return sizeNames.find((size) => size.toLowerCase() === wanted);
}

/** The memory quota of a size. */
export const memoryMbOf = (size: string): number => sizes.get(size) ?? sizes.get(defaultSize)!;
