// What a site's one tag runs: puts the box into the page, and `TornadoChat` into its scripts' reach.

import { EmbedBox } from "./embed_box";
import { inOnePlace, readTag, warn } from "./embed_settings";
import type { Look } from "./host_protocol";

type Use = (chat: Api) => void;

/** What a site's scripts have: the first box's methods, and all boxes. */
class Api {
  boxes: EmbedBox[] = [];
  readonly #waiting: Use[] = [];

  /** Add a box; it begins what waits. */
  add(box: EmbedBox): void {
    this.boxes.push(box);
    box.ended.addEventListener("abort", () => {
      // A new list, as a script may be going through the old one.
      this.boxes = this.boxes.filter((other) => other !== box);
    });
    this.push(...this.#waiting.splice(0));
  }

  open(): void {
    this.#first?.open();
  }

  close(): void {
    this.#first?.close();
  }

  toggle(): void {
    this.#first?.toggle();
  }

  login(token: string): void {
    this.#first?.login(token);
  }

  logout(): void {
    this.#first?.logout();
  }

  on(name: string, listener: (data: unknown) => void): void {
    this.#first?.on(name, listener);
  }

  off(name: string, listener: (data: unknown) => void): void {
    this.#first?.off(name, listener);
  }

  popOut(): boolean {
    return this.#first?.popOut() ?? false;
  }

  moderate(apps?: number | number[]): boolean {
    return this.#first?.moderate(apps) ?? false;
  }

  theme(look: Look): void {
    this.#first?.theme(look);
  }

  /** Take the first box out of the page. */
  destroy(): void {
    this.boxes[0]?.destroy();
  }

  /** Call functions, once there is a box. */
  push(...uses: Use[]): void {
    if (!this.boxes.length) {
      this.#waiting.push(...uses);
      return;
    }
    for (const use of uses) {
      try {
        use(this);
      } catch (error) {
        reportError(error);
      }
    }
  }

  get #first(): EmbedBox | undefined {
    if (!this.boxes[0]) warn("there is no box on this page");
    return this.boxes[0];
  }
}

/** Return what the page's scripts have, made by the first tag. Before, it may be a list of functions to be called. */
function sharedApi(): Api {
  const page = window as unknown as { TornadoChat?: unknown };
  const found = page.TornadoChat;
  if (typeof found === "object" && found !== null && "boxes" in found) return found as Api;
  const api = new Api();
  page.TornadoChat = api;
  if (Array.isArray(found)) api.push(...found.filter((use) => typeof use === "function"));
  return api;
}

/** Return the tag that runs this. A module has no `currentScript`; then it is the first that nobody has read yet. */
function ownTag(): HTMLScriptElement | null {
  const current = document.currentScript;
  if (current instanceof HTMLScriptElement && current.src) return current;
  const tags = document.querySelectorAll<HTMLScriptElement>("script[src*='/embed.js'][data-app]");
  return [...tags].find((tag) => !("read" in tag.dataset)) ?? null;
}

/** Return where an inline box goes; null where there is no such place. */
function placeOf(tag: HTMLScriptElement, target: string): ((element: HTMLElement) => void) | null {
  if (target) {
    const place = document.querySelector(target);
    return place && ((element) => place.append(element));
  }
  return tag.isConnected && document.body.contains(tag) ? (element) => tag.after(element) : null;
}

function start(tag: HTMLScriptElement, box: EmbedBox, api: Api): void {
  const { mode, target } = box.settings;
  const inline = mode === "inline" ? placeOf(tag, target) : null;
  if (mode === "inline" && !inline) {
    warn(target ? `data-target="${target}": there is no such element` : "an inline box in the head needs data-target");
  }
  box.mount(inline ?? ((element) => document.body.append(element)), () => api.boxes);
}

function main(): void {
  const tag = ownTag();
  if (!tag || !/^https?:/.test(tag.src)) {
    warn("embed.js must be loaded by a script element with its address as src, and data-app");
    return;
  }
  tag.dataset.read = "";
  const api = sharedApi();
  const settings = readTag(tag);
  if (!settings) return;
  for (const box of api.boxes) if (box.isGone) box.destroy();
  if (api.boxes.some((other) => inOnePlace(other.settings, settings))) {
    warn(`data-app="${settings.app}" is on this page already, in the same place`);
    return;
  }
  const box = new EmbedBox(settings);
  api.add(box);
  if (settings.mode === "inline" ? document.readyState !== "loading" : document.body) start(tag, box, api);
  else document.addEventListener("DOMContentLoaded", () => api.boxes.includes(box) && start(tag, box, api));
}

main();
