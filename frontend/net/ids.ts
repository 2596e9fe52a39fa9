// Names for what is sent, so that sending it again is known as a repeat. Not for: sending.

export function newId(): string {
  return crypto.randomUUID?.() ?? randomId();
}

// Plain http on another machine is no secure context and has no randomUUID.
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
