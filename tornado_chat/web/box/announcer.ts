import { h } from "./dom";
import type { Texts } from "./texts";

const PAUSE = 1000; // ms between two things that are read out
const MOST = 3; // messages that are read out one by one; more are counted

/** What a screen reader says of what comes up by itself. */
export class Announcer {
  readonly element = h("div", { class: "unseen", role: "status", "aria-live": "polite" });
  readonly #texts: Texts;
  readonly #waiting: string[] = [];
  readonly #messages: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(texts: Texts) {
    this.#texts = texts;
  }

  /** Read out a message of somebody else's; where many come, how many. */
  message(text: string): void {
    this.#soon(this.#messages, text);
  }

  say(text: string): void {
    this.#soon(this.#waiting, text);
  }

  #soon(list: string[], text: string): void {
    list.push(text);
    this.#timer ??= setTimeout(() => this.#speak(), PAUSE);
  }

  #speak(): void {
    const messages = this.#messages.splice(0);
    const count = messages.length;
    const said = [
      ...this.#waiting.splice(0),
      ...(count > MOST ? [this.#texts.t("timeline.new", { count })] : messages),
    ];
    this.element.replaceChildren(...said.flatMap((text) => text.split("\n")).map((line) => h("p", {}, line)));
    this.#timer = undefined;
  }
}
