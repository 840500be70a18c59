/** A hue (0 to 359) for a name: the same for everybody, always, in any case. FNV-1a over its UTF-16 units. */
export function hueOf(uname: string): number {
  let hash = 0x811c9dc5;
  for (const unit of uname.toLowerCase()) {
    hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193);
  }
  return (hash >>> 0) % 360;
}

/** The first character of a name as a reader sees it. */
export function initialOf(uname: string): string {
  const [first] = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(uname.trim());
  return first?.segment.toLocaleUpperCase() ?? "";
}
