// Tells a bot that one of its buttons was pressed. Not for: drawing buttons (ui/cards.tsx).
import { callPatiently } from "./api";

/** What carries the button: a message, or a word to this user alone. */
export interface Carrier {
  kind: "messages" | "ephemerals";
  id: string;
}

/** Presses once under a client_id, however often it is tried. Throws ApiError. */
export function press(carrier: Carrier, button: string, client_id: string): Promise<void> {
  return callPatiently("POST", `/api/${carrier.kind}/${carrier.id}/actions`, { button, client_id });
}
