"use strict";
// What a site's own script does: it says who the visitor is, and listens to what happens in the chat.

// Works before embed.js is loaded, and after.
(window.TornadoChat = window.TornadoChat || []).push((chat) => {
  const who = document.getElementById("who");
  const shown = document.getElementById("state");
  let user = null;
  let state = "connecting";

  function show() {
    shown.dataset.state = state;
    shown.textContent = state === "joined" ? (user ? `connected as ${user.uname}` : "connected as a guest") : `${state}…`;
  }

  function become(token) {
    sessionStorage.setItem("who", token);
    if (token) chat.login(token);
    else chat.logout();
  }

  chat.on("login", (now) => {
    user = now;
    // It may have been in the box that the visitor chose.
    if ([...who.options].some((option) => option.value === user.uname)) who.value = user.uname;
    show();
  });
  chat.on("logout", () => {
    user = null;
    who.value = "";
    show();
  });
  chat.on("state", (now) => {
    state = now;
    show();
  });

  who.addEventListener("change", () => become(who.value));
  who.value = sessionStorage.getItem("who") || "";
  if (who.value) become(who.value);
  document.getElementById("pop-out").addEventListener("click", () => chat.popOut());
  document.getElementById("moderate").addEventListener("click", () => chat.moderate());
  document.getElementById("theme").addEventListener("change", (event) => chat.theme({ theme: event.target.value }));
});
