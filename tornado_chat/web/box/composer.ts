import { Completion } from "./completion";
import type { Context } from "./context";
import { h, icon, show, uniqueId } from "./dom";
import { recall, remember } from "./memory";
import { MAX_TEXT } from "./protocol";

const COUNTED_FROM = MAX_TEXT - 70;

/** The field: says something, runs commands, counts, and waits where this visitor has to. */
export class Composer {
  readonly element: HTMLFormElement;
  readonly #context: Context;
  readonly #field: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #counter: HTMLElement;
  readonly #wait = h("p", { class: "wait", hidden: true });
  readonly #completion: Completion;
  readonly #draft: string; // the key that what is typed is remembered under
  #ticking: ReturnType<typeof setInterval> | undefined;
  #waited = false;
  #tooLong = false;
  #author = "";

  constructor(context: Context, appId: number) {
    const { texts, session } = context;
    this.#context = context;
    this.#draft = `draft:${appId}`;
    const counter = uniqueId("counter");
    this.#field = h("textarea", {
      rows: 1,
      class: "field",
      "aria-label": texts.t("composer.label"),
      autocomplete: "off",
      enterkeyhint: "send",
      "aria-describedby": counter,
    });
    this.#field.dir = "auto";
    this.#counter = h("span", { class: "counter", id: counter });
    this.#send = h("button", { type: "submit", class: "send", "aria-label": texts.t("composer.send") }, icon("send"));
    this.#completion = new Completion(context, this.#field);
    const bar = h("div", { class: "bar" }, this.#field, this.#counter, this.#send);
    this.element = h("form", { class: "composer" }, this.#completion.element, this.#wait, bar);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("input", () => this.#typed());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.#field.addEventListener("click", () => this.#completion.update());
    session.on("wait", () => this.#update());
    session.on("state", () => this.#update());
    session.on("me", (me) => {
      // What somebody began to write isn't the next one's to send.
      if (me && this.#author && me.uname !== this.#author) {
        this.#field.value = "";
        this.#typed();
      }
      if (me && !this.#author) this.#restore(me.uname);
      this.#author = me?.uname ?? this.#author;
      this.#update();
      // Once it is shown.
      requestAnimationFrame(() => this.#grow());
    });
    session.on("failed", ({ text, error }) => {
      session.notice(texts.t(texts.has(`ack.${error}`) ? `ack.${error}` : "ack.refused"), "error");
      if (this.#field.value === "") this.insert(text);
    });
    this.#typed();
    this.#update();
  }

  focus(): void {
    this.#field.focus();
  }

  /** Put a text where the cursor is. */
  insert(text: string): void {
    const { selectionStart, selectionEnd, value } = this.#field;
    const glue = selectionStart > 0 && !/\s$/.test(value.slice(0, selectionStart)) ? " " : "";
    this.#field.setRangeText(glue + text, selectionStart, selectionEnd, "end");
    this.#typed();
    this.#field.focus();
  }

  #typed(): void {
    const { value } = this.#field;
    const length = value.trim().length;
    const { me } = this.#context.session;
    if (me) remember(this.#draft, value ? [me.uname, value] : null, "session");
    this.#counter.textContent = length > COUNTED_FROM ? String(MAX_TEXT - length) : "";
    this.#counter.classList.toggle("over", length > MAX_TEXT);
    this.#field.setAttribute("aria-invalid", String(length > MAX_TEXT));
    if (length > MAX_TEXT && !this.#tooLong) this.#context.announcer.say(this.#context.texts.t("composer.too-long"));
    this.#tooLong = length > MAX_TEXT;
    this.#grow();
    if (document.activeElement === this.#field) this.#completion.update();
    this.#update();
  }

  /** Put back what this user had begun to write before the page was left. */
  #restore(uname: string): void {
    const [author, draft] = (recall(this.#draft, "session") as [string, string] | null) ?? [];
    if (author === uname && !this.#field.value) this.#field.value = String(draft).slice(0, 10 * MAX_TEXT);
  }

  /** As high as what is typed; CSS says how high at most. */
  #grow(): void {
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight + 2}px`;
  }

  #key(event: KeyboardEvent): void {
    // Enter ends a word of Chinese, Japanese or Korean, and Escape drops it; Safari says so by the code alone.
    if (event.isComposing || event.keyCode === 229) {
      event.stopPropagation();
      return;
    }
    if (this.#completion.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    }
  }

  #submit(): void {
    const text = this.#field.value.trim();
    if (this.#send.disabled || !text || text.length > MAX_TEXT) return;
    this.#field.value = "";
    this.#completion.close();
    this.#context.session.say(text);
    this.#typed();
    this.#field.focus();
  }

  /** Say why this visitor can't speak, for how long, and let them where they can. A command is always let through. */
  #update(): void {
    const { session, texts } = this.#context;
    const { wait, room, state } = session;
    const value = this.#field.value.trim();
    const isCommand = value.startsWith("/");
    this.#send.disabled =
      !value || value.length > MAX_TEXT || (wait !== null && !isCommand) || (isCommand && state !== "joined");
    this.#field.placeholder = texts.t(state === "joined" || !session.me ? "composer.placeholder" : "composer.offline");
    const left = wait ? (wait.until - room.now()) / 1000 : 0;
    this.#wait.textContent = wait ? texts.t(`wait.${wait.why}`, { left: texts.left(left) }) : "";
    show(this.#wait, wait !== null);
    if (wait && !this.#waited) this.#context.announcer.say(this.#wait.textContent);
    if (!wait && this.#waited) this.#context.announcer.say(texts.t("wait.over"));
    this.#waited = wait !== null;
    if (wait && !this.#ticking) this.#ticking = setInterval(() => this.#update(), 1000);
    if (!wait && this.#ticking) {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }
  }
}
