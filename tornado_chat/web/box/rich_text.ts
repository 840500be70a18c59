import { h } from "./dom";

// Where a link begins. Where it ends is said by what may not be in one, and by punctuation that closes the sentence.
const LINK = /\b(?:https?:\/\/|www\.)[^\s<>"'`\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u206f]+/giu;
const CLOSING = /[.,:;!?*_~)\]}”’»…。、，！？：；）」』】》]+$/u;
const MENTION = /(?<![\p{L}\p{N}_@/.])@[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]{0,39}/gu;

/** What a text is shown as: text nodes, links that open elsewhere, and mentions. `me` is this visitor's name. */
export function richText(text: string, me: string | null): Node[] {
  const nodes: Node[] = [];
  let done = 0;
  for (const match of text.matchAll(LINK)) {
    const typed = withoutClosing(match[0]);
    const address = addressOf(typed);
    if (!address) continue;
    nodes.push(...withMentions(text.slice(done, match.index), me), link(typed, address));
    done = match.index + typed.length;
  }
  nodes.push(...withMentions(text.slice(done), me));
  return nodes;
}

/** Whether a text calls this visitor: `@name`, in any case, and not only the beginning of another name. */
export function mentions(text: string, me: string): boolean {
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) if (calls(text, at, me)) return true;
  return false;
}

/** Whether the @ there is followed by this name, which may have spaces, and by no more of a name. */
function calls(text: string, at: number, me: string): boolean {
  const end = at + 1 + me.length;
  return (
    text.slice(at + 1, end).toLowerCase() === me.toLowerCase() &&
    !/[\p{L}\p{N}_@/.]$/u.test(text.slice(0, at)) &&
    !/^[.-]*[\p{L}\p{M}\p{N}_]/u.test(text.slice(end))
  );
}

function withoutClosing(typed: string): string {
  const end = typed.match(CLOSING)?.[0] ?? "";
  // https://en.wikipedia.org/wiki/Chat_(disambiguation) keeps its bracket.
  if (end.startsWith(")") && typed.split("(").length >= typed.split(")").length)
    return typed.slice(0, typed.length - end.length + 1);
  return typed.slice(0, typed.length - end.length);
}

function addressOf(typed: string): string | null {
  try {
    const url = new URL(/^www\./i.test(typed) ? `https://${typed}` : typed);
    // A name before the host makes it look like another one's.
    const plain = (url.protocol === "https:" || url.protocol === "http:") && !url.username && !url.password;
    return plain && url.hostname.includes(".") ? url.href : null;
  } catch {
    return null;
  }
}

function link(typed: string, address: string): HTMLAnchorElement {
  return h("a", { href: address, title: address, target: "_blank", rel: "noopener noreferrer nofollow ugc" }, typed);
}

function withMentions(text: string, me: string | null): Node[] {
  const nodes: Node[] = [];
  let done = 0;
  for (const match of text.matchAll(MENTION)) {
    if (match.index < done) continue; // in a name that has an @
    const own = me !== null && calls(text, match.index, me);
    const typed = own ? text.slice(match.index, match.index + 1 + me.length) : match[0].replace(/[.-]+$/, "");
    nodes.push(
      document.createTextNode(text.slice(done, match.index)),
      h("bdi", { class: own ? "mention own" : "mention" }, typed),
    );
    done = match.index + typed.length;
  }
  nodes.push(document.createTextNode(text.slice(done)));
  return nodes;
}
