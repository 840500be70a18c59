import type { Context } from "./context";
import { h, icon, show } from "./dom";
import type { Entry } from "./room";
import { makeRow, shapeOf } from "./row";

const STEP = 60; // rows that come or go at a time
const MOST = 240; // rows in the document
const NEAR = 600; // px from an end of what is shown, where more is shown
const AT_END = 48; // px

/**
 * The conversation. Of its entries, however many there are, the document has a window of at most MOST rows, which moves
 * with the reader. While the end is being read it follows what is said; else nothing moves, and what is new is counted.
 */
export class Timeline {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #scroller: HTMLElement;
  readonly #list = h("ol", { class: "rows" });
  readonly #top = h("div", { class: "top" });
  readonly #newer: HTMLButtonElement;
  readonly #rows = new Map<string, HTMLElement>();
  #shown: Entry[] = []; // what has rows, in order
  #first: Entry | null = null; // where the window begins
  #size = STEP;
  #following = true;
  #unseen = 0;
  #lastTop = 0; // px, where the scroller was seen last
  #queued = false;
  #stale = false; // whether every row is to be made anew
  #loading = false;
  #failed = false;

  constructor(context: Context) {
    this.#context = context;
    const { texts, session } = context;
    this.#scroller = h(
      "div",
      { class: "timeline", role: "log", "aria-live": "off", "aria-label": texts.t("timeline.label"), tabindex: 0 },
      this.#top,
      this.#list,
    );
    this.#newer = h("button", { type: "button", class: "newer", hidden: true, onclick: () => this.toEnd() });
    this.element = h("div", { class: "conversation" }, this.#scroller, this.#newer);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#scroller.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#following && this.#stickToEnd()).observe(this.#scroller);
    const { room } = session;
    room.on("reset", () => this.#reset());
    room.on("entries", () => this.#queue());
    room.on("removed", ({ entry, index }) => {
      if (this.#first === entry) this.#first = room.entries[index] ?? null;
      this.#queue();
    });
    session.on("message", (message) => {
      if (this.following || session.ignored.hides(message)) return;
      this.#setUnseen(this.#unseen + 1);
    });
    session.on("said", () => this.toEnd());
    session.on("ignored", () => this.#remake());
    session.on("me", () => this.#remake());
    session.on("state", () => this.#queue());
    this.#queue();
  }

  /** Whether the end is being read, so that what comes is seen. */
  get following(): boolean {
    return this.#following && !document.hidden;
  }

  /** Go to what was said last. */
  toEnd(): void {
    this.#following = true;
    this.#first = null;
    this.#size = STEP;
    this.#setUnseen(0);
    this.#sync();
  }

  /** Put the focus on the last line. */
  focusLast(): void {
    this.#last()?.focus();
  }

  #reset(): void {
    this.#rows.clear();
    this.#shown = [];
    this.#failed = false;
    this.toEnd();
  }

  #remake(): void {
    this.#stale = true;
    this.#queue();
  }

  #queue(): void {
    if (this.#queued) return;
    this.#queued = true;
    const run = () => {
      if (!this.#queued) return;
      this.#queued = false;
      this.#sync();
    };
    // No frame is drawn in a hidden page; it shall be up to date when it is looked at.
    if (document.hidden) setTimeout(run, 50);
    else requestAnimationFrame(run);
  }

  /** Bring the document in line with the window, and keep what is being read where it is. */
  #sync(): void {
    const { session, texts } = this.#context;
    const { room } = session;
    if (this.#following) room.trim();
    const entries = room.entries;
    let first = this.#first === null ? -1 : entries.indexOf(this.#first);
    if (first < 0 || this.#following) first = Math.max(entries.length - this.#size, 0);
    const shown = entries.slice(first, first + this.#size);
    const anchors = this.#following ? [] : this.#anchors();
    if (this.#stale) this.#rows.clear();
    this.#stale = false;
    const rows = shown.map((entry, index) => this.#row(entry, entries[first + index - 1]));
    const focused = [...this.#list.children].findIndex((row) => row.contains(document.activeElement));
    const focusedKey = this.#shown[focused]?.key;
    // A row that stays is not touched, so that focus and selection stay.
    const wanted = new Set(rows);
    for (const child of [...this.#list.children]) if (!wanted.has(child as HTMLElement)) child.remove();
    rows.forEach((row, index) => {
      if (this.#list.children[index] !== row) this.#list.insertBefore(row, this.#list.children[index] ?? null);
    });
    if (focused >= 0 && !this.#list.contains(document.activeElement)) {
      // Its row was made anew, or is gone: then who goes by keyboard goes on beside it.
      const again = shown.findIndex((entry) => entry.key === focusedKey);
      const row = rows[again >= 0 ? again : Math.min(focused, rows.length - 1)];
      (row ?? this.#scroller).focus({ preventScroll: true });
    }
    const keys = new Set(shown.map((entry) => entry.key));
    for (const key of this.#rows.keys()) if (!keys.has(key)) this.#rows.delete(key);
    this.#shown = shown;
    this.#first = shown[0] ?? null;
    this.#drawTop(first === 0 && !room.more, texts.t.bind(texts));
    if (this.#following) this.#stickToEnd();
    else this.#keepPlace(anchors);
    this.#fillUp();
  }

  #row(entry: Entry, before: Entry | undefined): HTMLElement {
    const known = this.#rows.get(entry.key);
    if (known && known.dataset.shape === shapeOf(entry, before, this.#context)) return known;
    const row = makeRow(entry, before, this.#context);
    row.classList.toggle("ignored", entry.kind === "message" && this.#context.session.ignored.hides(entry.message));
    if (known?.contains(document.activeElement)) queueMicrotask(() => row.focus());
    this.#rows.set(entry.key, row);
    return row;
  }

  /** The rows that can be seen, and where they stand. */
  #anchors(): { key: string; bottom: number }[] {
    const { top, bottom: end } = this.#scroller.getBoundingClientRect();
    const anchors = [];
    for (const { key } of this.#shown) {
      const box = this.#rows.get(key)?.getBoundingClientRect();
      if (box && box.top > end) break;
      if (box && box.bottom > top && box.height > 0) anchors.push({ key, bottom: box.bottom });
    }
    return anchors;
  }

  /** Put the first of the rows that are still there where it stood. By its key: it may have been made anew. */
  #keepPlace(anchors: { key: string; bottom: number }[]): void {
    for (const { key, bottom } of anchors) {
      const box = this.#rows.get(key)?.getBoundingClientRect();
      if (!box?.height) continue;
      this.#scroller.scrollTop += box.bottom - bottom;
      break;
    }
    this.#lastTop = this.#scroller.scrollTop;
  }

  #stickToEnd(): void {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const room = this.#context.session.room;
    const last = this.#shown.at(-1);
    const windowAtEnd = last === undefined || room.entries.at(-1) === last;
    const atEnd = windowAtEnd && scrollHeight - scrollTop - clientHeight < AT_END;
    // Only who goes up leaves the end; where the place for it gets smaller, or a line longer, it is followed.
    const wentUp = scrollTop < this.#lastTop - 1;
    this.#lastTop = scrollTop;
    if (atEnd) this.#following = true;
    else if (wentUp) this.#following = false;
    else if (this.#following && windowAtEnd) this.#stickToEnd();
    if (this.#following) this.#setUnseen(0);
    else this.#drawNewer();
    this.#fillUp();
  }

  /** Show more where the reader comes near an end of the window, and fetch more where it is the beginning of all. */
  #fillUp(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const entries = this.#context.session.room.entries;
    const first = this.#first === null ? 0 : entries.indexOf(this.#first);
    const short = scrollHeight <= clientHeight;
    if (scrollTop < NEAR && first > 0 && (!this.#following || (short && this.#size < MOST))) {
      this.#first = entries[Math.max(first - STEP, 0)] ?? null;
      this.#size = Math.min(this.#size + STEP, MOST);
      this.#queue();
    } else if (
      !this.#following &&
      scrollHeight - scrollTop - clientHeight < NEAR &&
      first + this.#size < entries.length
    ) {
      const size = Math.min(this.#size + STEP, MOST);
      this.#first = entries[first + this.#size + STEP - size] ?? this.#first;
      this.#size = size;
      this.#queue();
    } else if (scrollTop < NEAR && first === 0 && (!this.#following || short)) {
      void this.#fetch();
    }
  }

  async #fetch(): Promise<void> {
    const { session } = this.#context;
    if (this.#loading || this.#failed || !session.room.more || session.state !== "joined") return;
    this.#loading = true;
    try {
      await session.older();
    } catch {
      this.#failed = true;
      this.#queue();
    } finally {
      this.#loading = false;
    }
  }

  #drawTop(beginning: boolean, t: (key: string) => string): void {
    if (this.#failed) {
      const again = () => {
        this.#failed = false;
        void this.#fetch();
        this.#queue();
      };
      this.#top.replaceChildren(
        h(
          "p",
          {},
          t("timeline.older-failed"),
          " ",
          h("button", { type: "button", class: "small", onclick: again }, t("timeline.again")),
        ),
      );
      return;
    }
    const empty = this.#context.session.room.entries.length === 0;
    const { state, me } = this.#context.session;
    const nobody = me ? "timeline.first" : "timeline.empty";
    const text = empty && state === "joined" ? nobody : beginning ? "timeline.beginning" : "";
    this.#top.className = empty ? "top empty" : "top";
    this.#top.replaceChildren(...(text ? [h("p", {}, t(text))] : []));
  }

  #setUnseen(count: number): void {
    this.#unseen = count;
    this.#drawNewer();
  }

  #drawNewer(): void {
    const { texts } = this.#context;
    show(this.#newer, !this.#following);
    const text = this.#unseen ? texts.t("timeline.new", { count: this.#unseen }) : texts.t("timeline.to-end");
    this.#newer.replaceChildren(h("span", {}, text), icon("down"));
    this.#newer.classList.toggle("some", this.#unseen > 0);
  }

  #key(event: KeyboardEvent): void {
    const row = (event.target as Element).closest<HTMLElement>(".row");
    if (event.key === "Escape") {
      event.preventDefault();
      this.#context.focusField();
    } else if (event.key === "End" && !event.shiftKey) {
      event.preventDefault();
      this.toEnd();
      this.focusLast();
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      const to = row ? this.#neighbour(row, event.key === "ArrowUp") : this.#last();
      to?.focus({ preventScroll: true });
      to?.scrollIntoView({ block: "nearest" });
    }
  }

  #last(): HTMLElement | undefined {
    return ([...this.#list.children] as HTMLElement[]).findLast((row) => row.offsetHeight);
  }

  #neighbour(row: HTMLElement, up: boolean): HTMLElement | null {
    let next = row;
    do {
      const found = up ? next.previousElementSibling : next.nextElementSibling;
      if (!found) return null;
      next = found as HTMLElement;
    } while (!next.offsetHeight);
    return next;
  }
}
