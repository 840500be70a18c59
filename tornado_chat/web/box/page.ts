import { connectHost, type Host } from "./host";
import type { PageData } from "./protocol";
import { Texts } from "./texts";
import { applyLook } from "./theme";

/** What a page begins with. */
export interface Beginning {
  /** What the server wrote into it. */
  page: PageData;
  /** What the page around it, or who opened it, wants: what stands behind the # of its address. */
  options: Record<string, string>;
  host: Host;
  texts: Texts;
}

export function begin(): Beginning {
  const text = document.getElementById("page")?.textContent;
  if (!text) throw new Error("the page has no data");
  const page = JSON.parse(text) as PageData;
  const options = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  applyLook(options);
  const host = connectHost(...page.apps.map(({ origins }) => origins));
  return { page, options, host, texts: new Texts(page.lang, page.texts) };
}
