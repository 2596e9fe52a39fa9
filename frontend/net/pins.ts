// The pinned messages of a chat. Not for: pinning (acts.ts).
import type { Message } from "../state/types";
import { call } from "./api";

export const readPins = (chatId: string): Promise<{ messages: Message[] }> =>
  call("GET", `/api/chats/${chatId}/pins`);
