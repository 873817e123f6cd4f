// Everywhere: what htmx does when the page is hidden, the server is away or the session has ended.
//
// An element that polls carries `data-poll` beside hx-get and hx-trigger="every 1s": while the page
// is hidden its requests are held back. The server answers without hx-trigger once all is final.

import { say } from "./say.js";

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.hasAttribute("data-poll")) event.preventDefault();
});

for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(failure, (event) => {
    // A poll that fails asks again by itself.
    if (!event.detail.elt.hasAttribute("data-poll")) say(document.body.dataset.sayFailed);
  });
}

// A refusal made for a whole page (a form from before the sign-in, say) is told, not pasted in.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, serverResponse } = event.detail;
  if (xhr.status < 400 || !/^\s*<!doctype/i.test(serverResponse)) return;
  event.detail.shouldSwap = false;
  const { saySession, sayFailed } = document.body.dataset;
  say(xhr.status === 403 ? saySession : sayFailed);
});

// Whatever takes longer than a second says so; polls are nobody's wait.
const BUSY_AFTER = 1000;
const waits = new Map();

function showBusy(is) {
  document.getElementById("busy").hidden = !is;
  document.getElementById("busy-said").textContent = is ? document.body.dataset.sayBusy : "";
}

function begin(what) {
  waits.set(what, setTimeout(() => showBusy(true), BUSY_AFTER));
}

function end(what) {
  clearTimeout(waits.get(what));
  waits.delete(what);
  if (waits.size === 0) showBusy(false);
}

document.addEventListener("htmx:beforeSend", (event) => {
  if (!event.detail.elt.hasAttribute("data-poll")) begin(event.detail.xhr);
});
document.addEventListener("htmx:afterRequest", (event) => end(event.detail.xhr));

// A pressed submit button stays pressed: nobody registers a patient twice by double click.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.hasAttribute("hx-post")) return;
  if (event.target.method !== "dialog") begin(event.target);
  setTimeout(() => {
    for (const button of event.target.querySelectorAll("button[type=submit]")) {
      button.disabled = true;
    }
  });
});

// A record must not come back out of the browser's memory after signing out.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
