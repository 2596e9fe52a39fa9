// Finds words in the site's language: English where they are said, and another language's by gettext's one catalogue,
// which has those of the server's pages as well. Not for: which words there are (en.ts and the files beside it).

type Values = Record<string, string | number>;

/** What /words.js leaves where the site speaks another language than English. */
interface Words {
  said: Record<string, string | string[]>;
  /** Which of a language's forms goes with this number. */
  plural: (n: number) => number;
}

const words = (globalThis as { words?: Words }).words;

/** `%(name)s` stands for a value of that name. */
export function _(text: string, values: Values = {}): string {
  const said = words?.said[text];
  return fill(typeof said === "string" ? said : text, values);
}

/** One form of several, by a number, which `%(n)s` stands for. */
export function ngettext(one: string, many: string, n: number, values: Values = {}): string {
  const forms = words?.said[one];
  const form = words && Array.isArray(forms) ? forms[words.plural(n)] : n === 1 ? one : many;
  return fill(form ?? many, { n: n.toLocaleString(), ...values });
}

function fill(text: string, values: Values): string {
  return text.replace(/%\((\w+)\)s/g, (whole, name: string) => String(values[name] ?? whole));
}
