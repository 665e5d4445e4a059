/**
 * Reads an LMDB file without LMDB, which maps the file and dies where a page is missing. Format 2 on 64-bit machines,
 * little-endian: two head pages, then the pages of the trees. Pure functions over the bytes of a page.
 */

/** The root page of a tree; undefined if the tree is empty. */
export type Root = number | undefined;

/** A head page. */
export type FileHead = {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: bigint;
  /** The tree of free pages, and the tree with the roots of the named trees. */
  readonly free: Root;
  readonly main: Root;
};

/** The bytes of a page that `readHead` looks at. */
export const headBytes = 168;
export const pageBytesMin = 512;
export const pageBytesMax = 65_536;

const magic = 0xbeefc0de;
const format = 2;
const headerBytes = 24;
const nodeHeadBytes = 8;
const noPage = 0xffff_ffff_ffff_ffffn;
const branchFlag = 0x01;
const leafFlag = 0x02;
const headFlag = 0x08;
const largeFlag = 0x01;
const treeFlag = 0x02;

/** Reads a head page; a text describes what it is instead. */
export function readHead(page: Buffer): FileHead | "no LMDB file" | "a file of another version of LMDB" {
  if ((page.readUInt16LE(18) & headFlag) === 0 || page.readUInt32LE(24) !== magic) return "no LMDB file";
  if ((page.readUInt32LE(28) & 0xffff) !== format) return "a file of another version of LMDB";
  return {
    pageBytes: page.readUInt32LE(48),
    free: rootAt(page, 48),
    main: rootAt(page, 96),
    lastPage: Number(page.readBigUInt64LE(144)),
    transaction: page.readBigUInt64LE(152),
  };
}

/** The pages that a tree's page refers to. */
type TreePage = {
  readonly children: readonly number[];
  /** Runs of pages with large values. */
  readonly runs: readonly { readonly page: number; readonly count: number }[];
  /** Named trees; only in the main tree. */
  readonly trees: readonly { readonly name: string; readonly root: Root }[];
};

/** Reads page `number` of a tree; undefined if it is not a tree's page. */
export function readTreePage(page: Buffer, number: number): TreePage | undefined {
  const kind = page.readUInt16LE(18) & (branchFlag | leafFlag | headFlag | 0x04);
  // Offsets in a page count from the end of its header.
  const lower = headerBytes + page.readUInt16LE(20);
  if (Number(page.readBigUInt64LE(0)) !== number || (kind !== branchFlag && kind !== leafFlag))
    return undefined;
  if (lower > page.length || lower % 2 !== 0) return undefined;
  const children: number[] = [];
  const runs: { page: number; count: number }[] = [];
  const trees: { name: string; root: Root }[] = [];
  for (let at = headerBytes; at < lower; at += 2) {
    const node = headerBytes + page.readUInt16LE(at);
    if (node < lower || node + nodeHeadBytes > page.length) return undefined;
    const low = page.readUInt16LE(node) + page.readUInt16LE(node + 2) * 2 ** 16;
    const flags = page.readUInt16LE(node + 4);
    if (kind === branchFlag) {
      children.push(low + flags * 2 ** 32);
      continue;
    }
    const keyStart = node + nodeHeadBytes;
    const value = keyStart + page.readUInt16LE(node + 6);
    const valueBytes = (flags & largeFlag) !== 0 ? 24 : low;
    if (value + valueBytes > page.length) return undefined;
    if ((flags & largeFlag) !== 0) {
      runs.push({
        page: Number(page.readBigUInt64LE(value)),
        count: Number(page.readBigUInt64LE(value + 16)),
      });
    } else if ((flags & treeFlag) !== 0) {
      if (valueBytes < 48) return undefined;
      trees.push({
        name: page.toString("latin1", keyStart, value).replace(/\0$/, ""),
        root: rootAt(page, value),
      });
    }
  }
  return { children, runs, trees };
}

function rootAt(page: Buffer, tree: number): Root {
  const root = page.readBigUInt64LE(tree + 40);
  return root === noPage ? undefined : Number(root);
}
