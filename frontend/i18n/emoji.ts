// What the emoji picker says. Not for: the rest of the page (en.ts).
export const t = {
  find: "Find an emoji",
  found: "Found emoji",
  none: "No emoji is called so.",
  recent: "Used last",
  group: "Group",
  groups: [
    "Smileys",
    "People",
    "Animals and nature",
    "Food and drink",
    "Travel and places",
    "Activities",
    "Objects",
    "Symbols",
    "Flags",
  ],
  skinTone: "Skin tone",
  skinTones: ["No skin tone", "Light", "Medium light", "Medium", "Medium dark", "Dark"],
};
