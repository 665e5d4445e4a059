/** The compiled form of `assembly/`. */
import asc from "assemblyscript/asc";

const pages = 68;
const options = [
  ["--runtime", "stub"],
  ["--initialMemory", String(pages)],
  ["--maximumMemory", String(pages)],
  ["--enable", "simd"],
  ["--outFile", "lines.wasm"],
].flat();

/** The text of `src/core/batch/assembled-code.ts`. Throws with the compiler's words if it finds a fault. */
export async function assembled() {
  const base = new URL("../..", import.meta.url).pathname;
  let code;
  const { error, stderr } = await asc.main(
    ["assembly/lines.ts", "--baseDir", base, "-O3", "--debug", "--noAssert", ...options],
    { writeFile: (_, contents) => void (code = contents) },
  );
  if (error !== null) throw new Error(`${error.message}\n${stderr}`);
  const lines = Buffer.from(code)
    .toString("base64")
    .match(/.{1,96}/g);
  const text = lines.map((line) => `  "${line}"`).join(" +\n");
  return `// Made by \`npm run assemble\` from \`assembly/\`: change that.\nexport const code =\n${text};\n`;
}
