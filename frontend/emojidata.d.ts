declare module "emoji-data" {
  /** [emoji, label, names, tags, how many of the people in it take a skin tone], by group. */
  const groups: [emoji: string, label: string, names: string, tags: string, toned: number][][];
  export default groups;
}
