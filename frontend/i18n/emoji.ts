// What the emoji picker says. Not for: the rest of the page (en.ts).
import { _ } from "./words";

export const t = {
  find: _("Find an emoji"),
  found: _("Found emoji"),
  none: _("No emoji is called so."),
  recent: _("Used last"),
  group: _("Group"),
  groups: [
    _("Smileys"),
    _("People"),
    _("Animals and nature"),
    _("Food and drink"),
    _("Travel and places"),
    _("Activities"),
    _("Objects"),
    _("Symbols"),
    _("Flags"),
  ],
  skinTone: _("Skin tone"),
  skinTones: [_("No skin tone"), _("Light"), _("Medium light"), _("Medium"), _("Medium dark"), _("Dark")],
};
