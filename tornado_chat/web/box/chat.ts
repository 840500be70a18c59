import { Box } from "./box";
import { connectHost, type Host } from "./host";
import { moderate } from "./moderate";
import { moderatorsItems } from "./moderation_items";
import { addModeration } from "./moderation_panel";
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

/** Do what the page around the box says, and tell it what happens. */
function attach(host: Host, session: Session, box: Box): void {
  host.on("init", ({ options }) => box.setSite(options));
  host.on("login", (token) => session.login(token));
  host.on("logout", () => session.login(null));
  host.on("shown", (open) => {
    box.shown = open;
  });
  host.on("focus", () => box.focus());
  host.on("theme", applyLook);
  session.on("me", (me) => host.user(me));
  session.on("message", (message) => host.message(message));
  session.on("state", (state) => {
    host.state(state);
    if (state === "joined") host.ready();
  });
  box.on("mention", (message) => host.mention(message));
  box.on("unread", (count) => host.unread(count));
}

function main(): void {
  const page = pageData();
  const [app] = page.apps;
  if (!app) return;
  const options = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  applyLook(options);
  const host = connectHost(...page.apps.map(({ origins }) => origins));
  const texts = new Texts(page.lang, page.texts);
  if (page.view === "moderate") {
    document.body.append(moderate(page, texts, host));
    return;
  }
  const session = new Session(location.origin, app.id, null, page.snapshot);
  const box = new Box({
    app,
    session,
    texts,
    sound: new Sound(options.sound !== "off"),
    loginUrl: app.login_url,
    demoUsers: page.demo_users ?? [],
    minimise: options.mode === "docked" && host.framed ? () => host.minimise() : null,
    items: moderatorsItems,
  });
  addModeration(box.context, box.drawer);
  document.body.append(box.element);
  attach(host, session, box);
  void host.token.then((token) => (token === null ? session.start() : session.login(token)));
}

main();
