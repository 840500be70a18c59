// What a page and the box in its frame say to each other, by postMessage. Both sides take nothing else for granted.

/** Marks a message as one of ours; its value is the version. */
export const MARK = "tornadoChat";
export const VERSION = 1;

export interface Envelope {
  type: string;
  [name: string]: unknown;
}

/** How the box looks, as its page says it; each is optional. */
export interface Look {
  theme?: string;
  accent?: string;
  background?: string;
  text?: string;
}

/** What a page says about its box, apart from how it looks, which is in the address of the frame. */
export interface HostOptions {
  title?: string;
  loginUrl?: string;
}

export function envelope(type: string, data: object = {}): Envelope {
  return { ...data, [MARK]: VERSION, type };
}

/** Return a message of ours, null for anything else that comes by. */
export function opened(data: unknown): Envelope | null {
  if (typeof data !== "object" || data === null) return null;
  const found = data as Record<string, unknown>;
  return found[MARK] === VERSION && typeof found.type === "string" ? (found as Envelope) : null;
}

/** Whether something may be a token: 1 to 4,096 printable ASCII characters, no space. */
export function isToken(value: unknown): value is string {
  return typeof value === "string" && /^[!-~]{1,4096}$/.test(value);
}

/** Whether something is an address, as seen from `base` where there is one, that a browser may be sent to. */
export function isWebUrl(value: unknown, base?: string): value is string {
  if (typeof value !== "string") return false;
  try {
    return /^https?:$/.test(new URL(value, base).protocol);
  } catch {
    return false;
  }
}
