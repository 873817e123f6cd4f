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

// A pressed submit button stays pressed: nobody registers a patient twice by double click.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.hasAttribute("hx-post")) return;
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
