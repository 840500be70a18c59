"use strict";(()=>{var L="tornadoChat";function f(n,t={}){return{...t,[L]:1,type:n}}function T(n){if(typeof n!="object"||n===null)return null;let t=n;return t[L]===1&&typeof t.type=="string"?t:null}function p(n){return typeof n=="string"&&/^[!-~]{1,4096}$/.test(n)}function A(n){if(typeof n!="string")return!1;try{return/^https?:$/.test(new URL(n).protocol)}catch{return!1}}var j=["docked","inline","page"],b=8,M=80,I=["light","dark","system"];function c(n){console.warn(`tornado-chat: ${n}`)}function x(n){return typeof n=="number"&&Number.isSafeInteger(n)&&n>0}function v(n,t){let e={};for(let o of["theme","accent","background","text"]){let s=n[o];if(s===void 0||s==="")continue;typeof s=="string"&&(o==="theme"?I.includes(s):CSS.supports("color",s))?e[o]=s:u(t(o),s,o==="theme"?"light, dark or system":"a colour of CSS, such as #4457d6")}return e}function $(n){let{dataset:t}=n,e=/^[1-9][0-9]{0,15}$/.test(t.app??"")?Number(t.app):0;if(!x(e))return u("data-app",t.app??"","the number of an app"),null;let o=(i,a,l)=>{let r=t[i];if(r===void 0||r==="")return l;let d=a.find(h=>h===r);return d===void 0&&u(m(i),r,a.filter(Boolean).join(", ")),d??l},s=(i,a,l)=>{let r=t[i]??"";return r===""||a(r)?r:(u(m(i),i==="token"?"...":r,l),"")};return{app:e,base:new URL(".",n.src).href,mode:o("mode",j,"docked"),target:s("target",W,"a selector, such as #chat"),side:o("side",["right","left",""],""),open:t.open===""||o("open",["true","false"],"false")==="true",look:v(t,m),token:s("token",p,"the token of a user")||null,loginUrl:s("loginUrl",A,"a URL of http or https"),lang:s("lang",i=>/^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$/.test(i),"a language, such as de"),title:s("title",i=>i.trim().length<=M,`at most ${M} characters`).trim(),sound:o("sound",["on","off",""],"")}}function y(n,t,e){let o=new URL(t,n.base);n.lang&&o.searchParams.set("lang",n.lang);let s=new URLSearchParams({mode:e,...n.look});return n.sound&&s.set("sound",n.sound),o.hash=s.toString(),o.href}function W(n){try{return document.querySelector(n),!0}catch{return!1}}function m(n){return`data-${n.replace(/[A-Z]/g,t=>`-${t.toLowerCase()}`)}`}function u(n,t,e){c(`${n}=${JSON.stringify(t)} can't be used; expected ${e}`)}var k=`
:host {
  all: initial !important;
  display: block !important;
  --accent: #4457d6;
  --on-accent: #fff;
  --background: #fff;
  --edge: rgb(20 24 40 / 14%);
  --launcher: 56px;
  --gap: 20px;
  font: 13px/1 system-ui, sans-serif !important;
}
:host([data-dark]) { --background: #16181f; --accent: #8c9bff; --on-accent: #10131f; --edge: rgb(255 255 255 / 14%); }
:host([hidden]) { display: none !important; }
:host([data-mode="docked"]), :host([data-mode="page"]) {
  position: fixed !important;
  z-index: 2147483000 !important;
}
:host([data-mode="page"]) { inset: 0 !important; }
:host([data-mode="docked"]) { bottom: 0 !important; }
:host([data-side="right"]) { right: 0 !important; }
:host([data-side="left"]) { left: 0 !important; }
:host([data-mode="inline"]) {
  position: relative !important;
  width: 100% !important;
  height: 100% !important;
  min-height: 320px !important;
}
:host([data-mode="inline"]) .panel { position: absolute; inset: 0; }
.panel { width: 100%; height: 100%; background: var(--background); overflow: hidden; }
iframe { display: block; width: 100%; height: 100%; border: 0; background: var(--background); }
:host([data-mode="docked"]) .panel {
  position: fixed;
  bottom: calc(var(--gap) + var(--launcher) + 12px + env(safe-area-inset-bottom));
  width: min(390px, calc(100vw - 2 * var(--gap)));
  height: min(620px, calc(100vh - 2 * var(--gap) - var(--launcher) - 12px));
  border-radius: 16px;
  box-shadow: 0 12px 40px rgb(20 24 40 / 28%), 0 0 0 1px var(--edge);
  transition: opacity 0.16s, transform 0.16s, visibility 0s;
  transform-origin: bottom;
}
:host([data-side="right"]) .panel { right: calc(var(--gap) + var(--shift, 0px)); }
:host([data-side="left"]) .panel { left: calc(var(--gap) + var(--shift, 0px)); }
.panel:not(.open) { visibility: hidden; opacity: 0; pointer-events: none; }
:host([data-mode="docked"]) .panel:not(.open) {
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
:host([data-side="right"]) .launcher { right: calc(var(--gap) + var(--shift, 0px)); }
:host([data-side="left"]) .launcher { left: calc(var(--gap) + var(--shift, 0px)); }
.launcher:hover { transform: scale(1.05); }
.launcher:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; box-shadow: 0 0 0 3px var(--background); }
.launcher svg { width: 26px; height: 26px; fill: none; stroke: currentcolor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.launcher .opens, .launcher[aria-expanded="true"] .closes { display: block; }
.launcher .closes, .launcher[aria-expanded="true"] .opens { display: none; }
.badge {
  position: absolute;
  inset-block-start: -4px;
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
.badge[hidden] { display: none; }
@media (max-width: 480px), (max-height: 420px) {
  :host([data-mode="docked"]) .panel {
    inset: 0 !important;
    width: 100vw;
    height: 100vh;
    height: 100dvh;
    border-radius: 0;
  }
  /* The box has a button of its own there, once it is there. */
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
`;var w={en:{chat:"Chat",open:"Open chat",close:"Close chat",unread:n=>n===1?"1 unread message":`${n} unread messages`},de:{chat:"Chat",open:"Chat öffnen",close:"Chat schließen",unread:n=>n===1?"1 ungelesene Nachricht":`${n} ungelesene Nachrichten`}},O=w.en;function C(n){for(let t of n){let[e=""]=t.toLowerCase().split("-");if(Object.hasOwn(w,e))return w[e]??O}return O}function U(n){let t=document.createElement("canvas");t.width=t.height=1;let e=t.getContext("2d");if(!e)return!1;e.fillStyle=n,e.fillRect(0,0,1,1);let[o=0,s=0,i=0]=e.getImageData(0,0,1,1).data,[a=0,l=0,r=0]=[o,s,i].map(d=>{let h=d/255;return h<=.04045?h/12.92:((h+.055)/1.055)**2.4});return .2126*a+.7152*l+.0722*r>.179}var N=["ready","login","logout","message","mention","unread","state","open","close"],P=99,z=68,B="popup,width=420,height=680",V="popup,width=1200,height=800",g=class{settings;key;#o;#s;#t=document.createElement("tornado-chat");#a=document.createElement("div");#e=document.createElement("button");#l=document.createElement("span");#y=matchMedia("(prefers-color-scheme: dark)");#h=new Map;#k=new AbortController;#p=null;#u=[];#d;#f;#w=null;#i=0;#n=!1;#b=!1;#g=!1;constructor(t){this.settings=t,this.key=S(t),this.#s=new URL(t.base).origin,this.#f=t.token,this.#d=t.look,this.#o=C(t.lang?[t.lang]:navigator.languages)}get isOpen(){return this.#n}mount(t,e){let{mode:o}=this.settings,s=this.settings.side||(getComputedStyle(document.body).direction==="rtl"?"left":"right");Object.assign(this.#t.dataset,{mode:o,side:s}),this.#A(),e&&this.#t.style.setProperty("--shift",`${e*z}px`),this.#v();let{signal:i}=this.#k;addEventListener("message",a=>this.#M(a),{signal:i}),this.#y.addEventListener("change",()=>this.#v(),{signal:i}),t(this.#t),o!=="docked"||this.settings.open||this.#n?this.#m(!0):document.readyState==="complete"?this.#x():addEventListener("load",()=>this.#x(),{signal:i})}open(){this.#g=!0,this.#m(!0),this.#S()}close(){let t=document.activeElement===this.#t;this.#m(!1),t&&this.#e.focus()}toggle(){this.#n?this.close():this.open()}login(t){if(!p(t)){c("login() expects the token of a user, 1 to 4096 printable characters; logout() makes a guest");return}this.#f=t,this.#c("login",{token:t})}logout(){this.#f=null,this.#c("logout")}on(t,e){if(!N.some(s=>s===t)||typeof e!="function"){c(`on(${JSON.stringify(t)}) expects one of ${N.join(", ")}, and a function`);return}let o=this.#h.get(t)??new Set;this.#h.set(t,o.add(e))}off(t,e){this.#h.get(t)?.delete(e)}popOut(){let t=this.#T(`chat/${this.settings.app}`,`tornado-chat-${this.settings.app}`,B);return t&&this.settings.mode==="docked"&&this.close(),t}moderate(t=this.settings.app){let e=[...new Set(Array.isArray(t)?t:[t])];return!e.length||e.length>b||!e.every(x)?(c(`moderate() expects 1 to ${b} numbers of apps, such as [2, 3]`),!1):this.#T(`moderate/${e.join(",")}`,"tornado-chat-moderate",V)}theme(t){let e=v(Object(t),o=>`theme() ${o}`);this.#d={...this.#d,...e},this.#v(),this.#c("theme",e)}destroy(){this.#k.abort(),this.#h.clear(),this.#t.remove()}#A(){let t=this.#t.attachShadow({mode:"open"});_(t),this.#a.className="panel",this.#a.id="panel",t.append(this.#a),this.#E(),this.settings.mode==="docked"&&(this.#e.type="button",this.#e.className="launcher",this.#e.setAttribute("aria-controls","panel"),this.#l.className="badge",this.#l.setAttribute("aria-hidden","true"),this.#e.append(R("opens","M4 6.5A2.5 2.5 0 016.5 4h11A2.5 2.5 0 0120 6.5v7a2.5 2.5 0 01-2.5 2.5H11l-4.5 4v-4A2.5 2.5 0 014 13.5z"),R("closes","M6 9.5l6 6 6-6"),this.#l),this.#e.addEventListener("click",()=>this.toggle()),this.#e.addEventListener("keydown",e=>{e.key==="Escape"&&this.close()}),t.append(this.#e))}#x(){if(this.#p)return;let t=document.createElement("iframe");t.title=this.settings.title||this.#o.chat,t.allow="autoplay; clipboard-write",t.referrerPolicy="no-referrer",t.src=y({...this.settings,look:this.#d},`chat/${this.settings.app}`,this.settings.mode),this.#p=t,this.#a.append(t)}#m(t){t?this.#x():this.#g=!1,this.#n!==t&&(this.#n=t,this.#E(),this.#c("shown",{open:t}),this.#r(t?"open":"close"))}#S(){this.#p?.focus(),!(!this.#b||!this.#g)&&(this.#g=!1,this.#c("focus"))}#E(){this.#a.classList.toggle("open",this.#n),this.#a.inert=!this.#n,this.settings.mode!=="docked"&&(this.#t.hidden=!this.#n),this.#L()}#L(){let{title:t}=this.settings,e=this.#n?this.#o.close:this.#o.open,o=this.#i?`, ${this.#o.unread(this.#i)}`:"";this.#e.setAttribute("aria-label",`${e}${t?`: ${t}`:""}${o}`),this.#e.setAttribute("aria-expanded",String(this.#n)),this.#l.hidden=this.#i===0,this.#l.textContent=this.#i>P?`${P}+`:String(this.#i)}#v(){let{theme:t,accent:e,background:o}=this.#d;this.#t.toggleAttribute("data-dark",t==="dark"||t!=="light"&&this.#y.matches);let{style:s}=this.#t;e&&(s.setProperty("--accent",e),s.setProperty("--on-accent",U(e)?"#000":"#fff")),o&&s.setProperty("--background",o)}#T(t,e,o){let s=y({...this.settings,look:this.#d},t,"window"),i=window.open(s,e,o);return this.#u=this.#u.filter(a=>!a.closed&&a!==i),i?(this.#u.push(i),i.focus(),!0):(c("the browser opens no window; call this when the visitor clicks on something"),!1)}#c(t,e={}){let o=f(t,e);if(this.#b&&this.#p?.contentWindow?.postMessage(o,this.#s),!(t==="shown"||t==="focus"))for(let s of this.#u)s.closed||s.postMessage(o,this.#s)}#M(t){if(t.origin!==this.#s||!t.source)return;let e=t.source===this.#p?.contentWindow;if(!e&&!this.#u.some(s=>s===t.source))return;let o=T(t.data);o&&(o.type==="hello"?this.#$(t.source,e):e&&this.#O(o))}#$(t,e){let{title:o,loginUrl:s}=this.settings;t.postMessage(f("init",{token:this.#f,options:{title:o,loginUrl:s}}),this.#s),e&&(this.#b=!0,this.#t.toggleAttribute("data-greeted",!0),this.#c("shown",{open:this.#n}),this.#g&&this.#S())}#O({type:t,...e}){t==="ready"?this.#r("ready"):t==="user"?this.#C(e.user):t==="message"||t==="mention"?this.#r(t,{id:e.id,user:e.user,text:e.text}):t==="state"?this.#r("state",e.state):t==="unread"&&Number.isSafeInteger(e.count)?(this.#i=Math.max(e.count,0),this.#L(),this.#r("unread",this.#i)):t==="minimise"&&this.settings.mode==="docked"&&(this.#m(!1),this.#e.focus())}#C(t){let e=this.#w;this.#w=t,t&&t.uname!==e?.uname?this.#r("login",t):!t&&e&&this.#r("logout")}#r(t,e){for(let o of[...this.#h.get(t)??[]])try{o(e)}catch(s){reportError(s)}}};function S({base:n,app:t,mode:e,target:o}){return JSON.stringify([n,t,e,e==="inline"?o:""])}function _(n){if("adoptedStyleSheets"in n){let e=new CSSStyleSheet;e.replaceSync(k),n.adoptedStyleSheets=[e];return}let t=document.createElement("style");t.textContent=k,n.append(t)}function R(n,t){let e="http://www.w3.org/2000/svg",o=document.createElementNS(e,"svg");o.setAttribute("class",n),o.setAttribute("viewBox","0 0 24 24"),o.setAttribute("aria-hidden","true");let s=document.createElementNS(e,"path");return s.setAttribute("d",t),o.append(s),o}var E=class{boxes=[];#o=[];#s=!1;add(t){this.boxes.push(t),this.#s=!0;let e=this.#o;this.#o=[],this.push(...e)}open(){this.#t?.open()}close(){this.#t?.close()}toggle(){this.#t?.toggle()}login(t){this.#t?.login(t)}logout(){this.#t?.logout()}on(t,e){this.#t?.on(t,e)}off(t,e){this.#t?.off(t,e)}popOut(){return this.#t?.popOut()??!1}moderate(t){return this.#t?.moderate(t)??!1}theme(t){this.#t?.theme(t)}destroy(){this.boxes.shift()?.destroy()}push(...t){if(!this.#s){this.#o.push(...t);return}for(let e of t)try{e(this)}catch(o){reportError(o)}}get#t(){return this.boxes[0]||c("there is no box on this page"),this.boxes[0]}};function D(){let n=window,t=n.TornadoChat;if(typeof t=="object"&&t!==null&&"boxes"in t)return t;let e=new E;return n.TornadoChat=e,Array.isArray(t)&&e.push(...t.filter(o=>typeof o=="function")),e}function X(){let n=document.currentScript;return n instanceof HTMLScriptElement&&n.src?n:[...document.querySelectorAll("script[src*='/embed.js'][data-app]")].find(e=>!("read"in e.dataset))??null}function q(n,t){if(t){let e=document.querySelector(t);return e&&(o=>e.append(o))}return n.isConnected&&document.body.contains(n)?e=>n.after(e):null}function H(n,t,e){let{mode:o,target:s,side:i}=t.settings,a=e.boxes.filter(d=>d!==t&&d.settings.mode==="docked"),l=o==="docked"?a.filter(d=>d.settings.side===i).length:0,r=o==="inline"?q(n,s):null;o==="inline"&&!r&&c(s?`data-target="${s}": there is no such element`:"an inline box in the head needs data-target"),t.mount(r??(d=>document.body.append(d)),l)}function G(){let n=X();if(!n||!/^https?:/.test(n.src)){c("embed.js must be loaded by a script element with its address as src, and data-app");return}n.dataset.read="";let t=D(),e=$(n);if(!e)return;if(t.boxes.some(i=>i.key===S(e))){c(`data-app="${e.app}" is on this page already, in the same place; this tag is passed over`);return}let o=new g(e);t.add(o),(e.mode==="inline"?document.readyState!=="loading":document.body!==null)?H(n,o,t):document.addEventListener("DOMContentLoaded",()=>t.boxes.includes(o)&&H(n,o,t))}G();})();
