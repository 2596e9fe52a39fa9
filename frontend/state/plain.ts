// Markdown as a short line of plain text, for previews. Pure. Not for: rendering; the server does that.

const MARKS: readonly [RegExp, string][] = [
  [/```\w*/g, ""],
  [/\[([^\]]+)\]\([^)\s]+\)/g, "$1"],
  [/(\*\*|__|~~|`)(?=\S)([^\n]*?\S)\1/g, "$2"],
  [/(?<![\w\\*_])([*_])(?=\S)([^\n]*?[^\s\\])\1(?![\w*_])/g, "$2"],
  [/^\s*(?:>|#{1,6}|[-*+]|\d+\.)\s+/gm, ""],
  [/\\([\\`*_~[\]<>#.!(){}+-])/g, "$1"],
  [/\s+/g, " "],
];

/** The text without the marks that its rendering would not show. */
export function plain(text: string): string {
  return MARKS.reduce((now, [mark, by]) => now.replace(mark, by), text).trim();
}
