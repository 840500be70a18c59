import { Box } from "./box";
import type { PageData } from "./protocol";
import { Session } from "./session";
import { Sound } from "./sound";
import { Texts } from "./texts";
import { applyLook } from "./theme";

/** What the server wrote into the page. */
function pageData(): PageData {
  const text = document.getElementById("page")?.textContent;
  if (!text) throw new Error("the page has no data");
  return JSON.parse(text) as PageData;
}

function main(): void {
  const page = pageData();
  const [app] = page.apps;
  if (!app) return;
  const options = new URLSearchParams(location.hash.slice(1));
  applyLook(Object.fromEntries(options));
  const texts = new Texts(page.lang, page.texts);
  const session = new Session(location.origin, app.id, null, page.snapshot);
  const box = new Box({
    app,
    session,
    texts,
    sound: new Sound(true),
    loginUrl: app.login_url,
    demoUsers: page.demo_users ?? [],
    minimise: null,
  });
  document.body.append(box.element);
  session.start();
}

main();
