import { h } from "./dom";
import type { Texts } from "./texts";

const PAUSE = 1000; // ms between two things that are read out
const MOST = 3; // messages that are read out one by one; more are counted

/** What a screen reader says of what comes up by itself. */
export class Announcer {
  readonly element = h("div", { class: "unseen", role: "status", "aria-live": "polite" });
  readonly #texts: Texts;
  #waiting: string[] = [];
  #messages = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(texts: Texts) {
    this.#texts = texts;
  }

  /** Read out a message of somebody else's; where many come, how many. */
  message(text: string): void {
    this.#messages += 1;
    this.say(text);
  }

  say(text: string): void {
    this.#waiting.push(text);
    this.#timer ??= setTimeout(() => this.#speak(), PAUSE);
  }

  #speak(): void {
    const many = this.#messages > MOST;
    const said = many ? this.#texts.t("timeline.new", { count: this.#messages }) : this.#waiting.join("\n");
    this.element.replaceChildren(...said.split("\n").map((line) => h("p", {}, line)));
    this.#waiting = [];
    this.#messages = 0;
    this.#timer = undefined;
  }
}
