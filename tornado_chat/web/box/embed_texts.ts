// The few texts that are outside of the frame. They are here, and in no catalogue, since a page that has to ask for them
// first would show a button that says nothing.

export interface EmbedTexts {
  chat: string;
  open: string;
  close: string;
  away: string;
  unread(count: number): string;
}

const TEXTS: Record<string, EmbedTexts> = {
  en: {
    chat: "Chat",
    open: "Open chat",
    close: "Close chat",
    away: "The chat can't be reached just now.",
    unread: (count) => (count === 1 ? "1 unread message" : `${count} unread messages`),
  },
  de: {
    chat: "Chat",
    open: "Chat öffnen",
    close: "Chat schließen",
    away: "Der Chat ist gerade nicht erreichbar.",
    unread: (count) => (count === 1 ? "1 ungelesene Nachricht" : `${count} ungelesene Nachrichten`),
  },
};

const ENGLISH = TEXTS.en as EmbedTexts;

/** The texts of the first of these languages that there are texts in; else English. */
export function embedTexts(languages: readonly string[]): EmbedTexts {
  for (const language of languages) {
    const [primary = ""] = language.toLowerCase().split("-");
    if (Object.hasOwn(TEXTS, primary)) return TEXTS[primary] ?? ENGLISH;
  }
  return ENGLISH;
}
