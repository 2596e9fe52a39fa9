// The sound of a notification, made here. Not for: when it is heard (net/alerts.ts).

/** Two short tones, one above the other; where the browser allows none yet, nothing. */
export function blip(): void {
  const context = new AudioContext();
  const gain = new GainNode(context, { gain: 0 });
  const tone = new OscillatorNode(context, { type: "sine", frequency: 660 });
  const now = context.currentTime;
  gain.gain.setValueAtTime(0, now);
  gain.gain.linearRampToValueAtTime(0.12, now + 0.01);
  gain.gain.exponentialRampToValueAtTime(0.001, now + 0.28);
  tone.frequency.setValueAtTime(880, now + 0.1);
  tone.connect(gain).connect(context.destination);
  tone.onended = () => void context.close();
  tone.start(now);
  tone.stop(now + 0.3);
}
