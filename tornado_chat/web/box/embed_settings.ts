import { isToken, isWebUrl, type Look } from "./host_protocol";
import { settled } from "./theme";

export const MODES = ["docked", "inline", "page"] as const;
export type Mode = (typeof MODES)[number];
export type Side = "right" | "left";

/** What a site's tag says. */
export interface EmbedSettings {
  app: number;
  /** The folder that embed.js is in. */
  base: string;
  mode: Mode;
  /** Where an inline box goes, as a selector; empty: after the tag. */
  target: string;
  /** Empty: where a line of the page's text ends. */
  side: Side | "";
  open: boolean;
  /** What `theme()` said later is in it too. */
  look: Look;
  token: string | null;
  loginUrl: string;
  lang: string;
  title: string;
  sound: "on" | "off" | "";
}

export const MAX_APPS = 8; // as the server has it
const MAX_TITLE = 80;
const THEMES = ["light", "dark", "system"];

/** Say on the console what is wrong with the site's use of the chatbox. Nothing here ever throws at a site. */
export function warn(what: string): void {
  console.warn(`tornado-chat: ${what}`);
}

export function isAppId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** Return what of a look can be used; says what can't. Empty: as without it. */
export function checkedLook(given: Record<string, unknown>, name: (key: string) => string): Look {
  const look: Look = {};
  for (const key of ["theme", "accent", "background", "text"] as const) {
    const value = given[key] === null ? "" : given[key];
    if (value === undefined) continue;
    const good =
      typeof value === "string" &&
      (!value || (key === "theme" ? THEMES.includes(value) : CSS.supports("color", value)));
    if (good) look[key] = value;
    else complain(name(key), value, key === "theme" ? "light, dark or system" : "a colour of CSS, such as #4457d6");
  }
  return look;
}

/** Read the attributes of a tag; null where it names no app. What is wrong is said, and passed over. */
export function readTag(script: HTMLScriptElement): EmbedSettings | null {
  const { dataset } = script;
  const app = /^[1-9][0-9]{0,15}$/.test(dataset.app ?? "") ? Number(dataset.app) : 0;
  if (!isAppId(app)) {
    complain("data-app", dataset.app ?? "", "the number of an app");
    return null;
  }
  const one = <T extends string>(key: string, choices: readonly T[], usual: T): T => {
    const value = dataset[key];
    if (!value) return usual;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) complain(attribute(key), value, choices.filter(Boolean).join(", "));
    return found ?? usual;
  };
  const checked = (key: string, good: (value: string) => boolean, expected: string): string => {
    const value = dataset[key] ?? "";
    if (value === "" || good(value)) return value;
    // A token is told to nobody, not even to the console.
    complain(attribute(key), key === "token" ? "..." : value, expected);
    return "";
  };
  const { baseURI } = document;
  const loginUrl = checked("loginUrl", (value) => isWebUrl(value, baseURI), "a URL of http or https");
  return {
    app,
    base: new URL(".", script.src).href,
    mode: one("mode", MODES, "docked"),
    target: checked("target", isSelector, "a selector, such as #chat"),
    side: one("side", ["right", "left", ""], ""),
    open: dataset.open === "" || one("open", ["true", "false"], "false") === "true",
    look: checkedLook(dataset, attribute),
    token: checked("token", isToken, "the token of a user") || null,
    loginUrl: loginUrl && new URL(loginUrl, baseURI).href,
    lang: checked("lang", (value) => /^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$/.test(value), "a language, such as de"),
    title: checked("title", (value) => value.trim().length <= MAX_TITLE, `at most ${MAX_TITLE} characters`).trim(),
    sound: one("sound", ["on", "off", ""], ""),
  };
}

/** Whether two tags would put the same box into the same place. An inline one without a target is where its tag is. */
export function inOnePlace(one: EmbedSettings, other: EmbedSettings): boolean {
  if (one.base !== other.base || one.app !== other.app || one.mode !== other.mode) return false;
  return one.mode !== "inline" || (one.target !== "" && one.target === other.target);
}

/** Return the address of a page of the chat's. What is not for everybody's eyes isn't in it. */
export function pageUrl(settings: EmbedSettings, path: string, mode: Mode | "window"): string {
  const url = new URL(path, settings.base);
  if (settings.lang) url.searchParams.set("lang", settings.lang);
  const options = new URLSearchParams({ mode, ...settled(settings.look) });
  if (settings.sound) options.set("sound", settings.sound);
  url.hash = options.toString();
  return url.href;
}

function isSelector(value: string): boolean {
  try {
    document.querySelector(value);
    return true;
  } catch {
    return false;
  }
}

function attribute(key: string): string {
  return `data-${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function complain(name: string, value: unknown, expected: string): void {
  warn(`${name}=${JSON.stringify(value)} can't be used; expected ${expected}`);
}
