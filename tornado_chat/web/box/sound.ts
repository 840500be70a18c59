import { recall, remember } from "./memory";

const LATE = 1000; // ms after which a sound would be of something long past

/** The sound of a mention; off or on, as this browser remembers. */
export class Sound {
  /** Whether a window that the page opened sounds instead of this frame of it. */
  elsewhere = false;
  #context: AudioContext | undefined;
  #on: boolean;

  /** `on` is what the site wants where the visitor has said nothing. */
  constructor(on: boolean) {
    const chosen = recall("sound");
    this.#on = typeof chosen === "boolean" ? chosen : on;
  }

  get on(): boolean {
    return this.#on;
  }

  set on(on: boolean) {
    this.#on = on;
    remember("sound", on);
  }

  /** Play it. Where the browser doesn't allow that yet, it is silent. */
  async play(): Promise<void> {
    if (!this.#on || this.elsewhere) return;
    try {
      this.#context ??= new AudioContext();
      const asked = Date.now();
      await this.#context.resume(); // which waits for the visitor to do something with the page
      if (Date.now() - asked > LATE) return;
      this.#tone(660, 0);
      this.#tone(880, 0.09);
    } catch {
      // No sound device, or no permission.
    }
  }

  #tone(frequency: number, after: number): void {
    const audio = this.#context;
    if (!audio) return;
    const oscillator = audio.createOscillator();
    const gain = audio.createGain();
    const from = audio.currentTime + after;
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0.08, from);
    gain.gain.exponentialRampToValueAtTime(0.0001, from + 0.25);
    oscillator.connect(gain).connect(audio.destination);
    oscillator.start(from);
    oscillator.stop(from + 0.26);
  }
}
