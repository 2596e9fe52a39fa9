// The words about notifications, fetched with what shows them. All others: en.ts.
import { _ } from "./words";

export const words = {
  of: _("Notify me of"),
  levels: {
    as_size: _("What is usual: every message, in chats of more than 100 only what is for me"),
    all: _("Every message"),
    mentions: _("What is for me: my name, answers to me, threads I follow, my keywords"),
    none: _("Nothing"),
  },
  muted: _("This chat is muted, so that it notifies you of nothing."),
  ask: _(
    "While you look elsewhere, this browser can show what is said to you. Your browser will ask whether it may.",
  ),
  allow: _("Allow notifications"),
  on: _("This browser shows notifications."),
  denied: _("This browser is told to show no notifications. Its settings for this site can change that."),
  never: _("This browser cannot show notifications here."),
  all: _("Keywords, quiet hours and sound"),
  pause: _("Pause all for an hour"),
  noPause: _("Paused: go on"),
  was: _("You were notified:"),
  wasNot: _("You were not notified:"),
  reasons: {
    direct: _("it was said to you directly."),
    mention: _("it names you."),
    mention_all: _("it names everybody."),
    reply: _("it answers you."),
    thread: _("it is in a thread that you follow."),
    keyword: _("it has one of your keywords."),
    every_message: _("every message of this chat does."),
    own: _("it is your own."),
    muted: _("you had muted this chat."),
    level_none: _("you chose nothing for this chat."),
    mentions_only: _("you chose only what is for you in this chat, and it was not."),
    large_chat: _("in chats of more than 100 only what is for you does, and it was not."),
    already_read: _("you had read it already."),
    do_not_disturb: _("it came in your quiet time."),
    joined_later: _("you were not in this chat yet."),
    unknown: _(
      "nothing is kept about it. It is older than 30 days, was brought from elsewhere, or is just on its way.",
    ),
  },
};
