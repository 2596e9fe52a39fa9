// The emoji of the picker and of `:names:`, made from emojibase's data when the page is built, so that what is fetched
// holds no more than is used. Not for: using it (state/emoji.ts).
import { createRequire } from "node:module";

const read = createRequire(import.meta.url);
// What others call theirs, the best known first.
const NAMES = ["github", "iamcal", "emojibase"].map((set) =>
  read(`emojibase-data/en/shortcodes/${set}.json`),
);
const COMPONENTS = 2; // a group of hair and skin, which are no emoji by themselves
const MOST_NAMES = 3;
const PERSON = /\p{Emoji_Modifier_Base}\ufe0f?/gu;

/** As an esbuild plugin: `import groups from "emoji-data"`. */
export const emojiData = {
  name: "emoji-data",
  setup(build) {
    build.onResolve({ filter: /^emoji-data$/ }, ({ path }) => ({ path, namespace: "emoji-data" }));
    build.onLoad({ filter: /.*/, namespace: "emoji-data" }, () => ({
      contents: JSON.stringify(groups()),
      loader: "json",
    }));
  },
};

/** Groups of [emoji, label, names, tags, toned]; `toned`: so many of the people in it take a skin tone, 0 for none. */
function groups() {
  const made = [];
  const shown = read("emojibase-data/en/data.json").filter(
    ({ group }) => group !== undefined && group !== COMPONENTS,
  );
  for (const each of shown.sort((a, b) => a.order - b.order)) {
    made[each.group] ??= [];
    made[each.group].push(row(each));
  }
  return made.filter(Boolean);
}

function row({ emoji: written, hexcode, label, tags, skins }) {
  // Their own look needs no selector, and without it they are the same as typed ones.
  const emoji = written.replace(/(\p{Emoji_Presentation})\ufe0f/gu, "$1");
  const names = [...new Set(NAMES.flatMap((set) => set[hexcode] ?? []))].filter(
    (name) => name !== slug(label),
  );
  const said = `${label} ${names.join(" ")}`;
  const more = [tags ?? []].flat().filter((tag) => !said.includes(tag));
  return [emoji, label, names.slice(0, MOST_NAMES).join(" "), more.join(" "), toned(emoji, skins)];
}

const slug = (label) => label.toLowerCase().replace(/[^a-z0-9]+/g, "_");

function toned(emoji, skins) {
  const light = skins?.find(({ tone }) => [tone].flat().every((each) => each === 1))?.emoji;
  if (!light) return 0;
  return [1, 2].find((most) => light === withTone(emoji, most)) ?? 0;
}

function withTone(emoji, most) {
  let left = most;
  return emoji.replace(PERSON, (person) =>
    left-- > 0 ? `${person.replace("\ufe0f", "")}\u{1f3fb}` : person,
  );
}
