// The only way to make elements here. Text becomes text nodes, never markup.

export type Child = Node | string | null | undefined | false;

export interface Attributes {
  class?: string;
  [name: string]: string | number | boolean | ((event: never) => void) | undefined;
}

/**
 * Make an element. `onclick` and the like (functions) become listeners; true sets an attribute without value, false and
 * undefined leave it out. No attribute here is ever named or written by what comes from outside, but for its value.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value as EventListener);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  append(element, ...children);
  return element;
}

export function append(parent: Element, ...children: Child[]): void {
  parent.append(...children.filter((child): child is Node | string => Boolean(child)));
}

/** What somebody wrote: its direction is its own, and doesn't turn the words around it. */
export function foreign(text: string, className = ""): HTMLElement {
  const element = h("bdi", className ? { class: className } : {});
  element.dir = "auto";
  element.textContent = text;
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9.5l6 6 6-6",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  people:
    "M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.4a3.5 3.5 0 010 6.4M18 14.4c2.2.8 3.5 2.9 3.5 5.6",
  send: "M4 12l16-8-6 16-3-7-7-1z",
  shield: "M12 3l7.5 3v6c0 4.4-3.1 7.6-7.5 9-4.4-1.4-7.5-4.6-7.5-9V6L12 3z",
  gear: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4zM16 9.5l5 5M21 9.5l-5 5",
  pin: "M9 3.5h6l-1 6 3.5 3.5v1.5h-11V13L10 9.5l-1-6zM12 14.5v6",
  clock: "M12 21a9 9 0 100-18 9 9 0 000 18zM12 7v5l3.5 2",
} as const;

export type IconName = keyof typeof PATHS;

/** A small picture that says nothing to a screen reader: what it stands for is the label of its button. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A name that nothing else has: of an element, for labels and controls, or of a message that is under way. */
export function uniqueId(prefix: string): string {
  // Not crypto.randomUUID(): a page without TLS doesn't have it.
  const numbers = crypto.getRandomValues(new Uint32Array(4));
  return `${prefix}-${[...numbers].map((number) => number.toString(36)).join("")}`;
}

/** Show or hide; hidden for everyone, screen readers too. */
export function show(element: HTMLElement, visible: boolean): void {
  element.hidden = !visible;
}
