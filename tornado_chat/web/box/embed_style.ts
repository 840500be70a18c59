// The looks of what is outside of the frame. It is put into a shadow root, through CSSOM: so no policy of the site's needs
// to allow it, and `all: initial !important` keeps the site's own rules out. On a small screen the box has a button of its
// own that closes it, once it is there. (A comment among the rules would be sent to every visitor.)

export const STYLE = `
:host {
  all: initial !important;
  display: block !important;
  position: fixed !important;
  z-index: 2147483000 !important;
  --accent: #4457d6;
  --on-accent: #fff;
  --background: #fff;
  --edge: rgb(20 24 40 / 14%);
  --launcher: 56px;
  --gap: 20px;
  font: 13px/1 system-ui, sans-serif !important;
  color: #1c1e26 !important;
}
:host([data-dark]) { color: #e9eaf0 !important; --background: #16181f; --accent: #8c9bff; --on-accent: #10131f; --edge: rgb(255 255 255 / 14%); }
:host([hidden]) { display: none !important; }
:host([data-mode="page"]) { inset: 0 !important; }
:host([data-mode="inline"]) {
  position: relative !important;
  z-index: auto !important;
  width: 100% !important;
  height: 100% !important;
  min-height: 320px !important;
}
.panel {
  position: absolute;
  inset: 0;
  background: var(--background);
  overflow: hidden;
  transition: opacity 0.16s, transform 0.16s;
  transform-origin: bottom;
}
p { position: absolute; inset: 20px; display: grid; place-items: center; font-size: 15px; line-height: 1.4; text-align: center; }
:host([data-greeted]) p { display: none; }
:host(:not([data-greeted])) iframe { visibility: hidden; }
iframe { display: block; width: 100%; height: 100%; border: 0; }
:host([data-mode="docked"]) .panel {
  inset: auto;
  position: fixed;
  bottom: calc(var(--gap) + var(--launcher) + 12px + env(safe-area-inset-bottom));
  width: min(390px, 100vw - 2 * var(--gap));
  height: min(620px, 100vh - 2 * var(--gap) - var(--launcher) - 12px);
  border-radius: 16px;
  box-shadow: 0 12px 40px rgb(20 24 40 / 28%), 0 0 0 1px var(--edge);
}
:host([data-side="right"]) :is(.panel, .launcher) { right: calc(var(--gap) + var(--shift)); }
:host([data-side="left"]) :is(.panel, .launcher) { left: calc(var(--gap) + var(--shift)); }
.panel:not(.open) {
  visibility: hidden;
  opacity: 0;
  transform: translateY(12px) scale(0.98);
  transition: opacity 0.16s, transform 0.16s, visibility 0s 0.16s;
}
.launcher {
  all: unset;
  box-sizing: border-box;
  position: fixed;
  bottom: calc(var(--gap) + env(safe-area-inset-bottom));
  display: grid;
  place-items: center;
  width: var(--launcher);
  height: var(--launcher);
  border-radius: 50%;
  background: var(--accent);
  color: var(--on-accent);
  box-shadow: 0 6px 20px rgb(20 24 40 / 32%), 0 0 0 1px var(--edge);
  cursor: pointer;
  transition: transform 0.16s;
}
.launcher:hover { transform: scale(1.05); }
.launcher:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; box-shadow: 0 0 0 3px var(--background); }
.launcher svg { width: 26px; height: 26px; fill: none; stroke: currentcolor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
[aria-expanded="false"] .closes, [aria-expanded="true"] .opens { display: none; }
.badge {
  position: absolute;
  top: -4px;
  inset-inline-end: -4px;
  min-width: 22px;
  height: 22px;
  box-sizing: border-box;
  padding: 0 6px;
  border-radius: 11px;
  background: #b3261e;
  color: #fff;
  font: 700 12px/22px system-ui, sans-serif;
  text-align: center;
  box-shadow: 0 0 0 2px var(--background);
}
@media (max-width: 480px), (max-height: 420px) {
  :host([data-mode="docked"]) .panel {
    inset: 0 !important;
    width: 100vw;
    height: 100vh;
    height: 100dvh;
    border-radius: 0;
  }
  :host([data-greeted]) .launcher[aria-expanded="true"] { display: none; }
}
@media (prefers-reduced-motion: reduce) {
  .panel, .launcher { transition: none !important; transform: none !important; }
}
@media (forced-colors: active) {
  .launcher, .panel { border: 2px solid; }
}
@media print {
  :host([data-mode="docked"]) { display: none !important; }
}
`;
