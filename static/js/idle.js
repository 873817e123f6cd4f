// Nobody at the screen: a warning one minute before the session's end, then the page is covered,
// the session ended and the sign-in page opened. The server has a limit of its own
// (accounts/idle.py); this clock only comes first, and keeps what was typed (kept.js).

import { keepForms, keepSent, restoreForms, wipe } from "./kept.js";
import { say } from "./say.js";

const WARNING = 60_000;
const TELL_EVERY = 15_000; // less than the server's grace
const RECENT = 5_000;
const SHARED = "idle:last"; // all tabs of a browser share one session, so they share one clock

const { person, idleSeconds, stay, idledOut, signIn, sayKept } = document.body.dataset;
const limit = Number(idleSeconds) * 1000;
let last = Date.now();
let told = last;
let leaving = false;

function lastActivity() {
  const elsewhere = Number(localStorage.getItem(SHARED)) || 0;
  // A clock that was set back must not keep a session open.
  return elsewhere > last && elsewhere <= Date.now() ? elsewhere : last;
}

function active() {
  last = Date.now();
  localStorage.setItem(SHARED, String(last));
}

function post(address) {
  const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers"));
  return fetch(address, { method: "POST", headers: { "X-CSRFToken": token }, redirect: "manual" });
}

async function tell() {
  told = Date.now();
  try {
    const answer = await post(stay);
    // Sent on to the sign-in page: the session has ended elsewhere.
    if (answer.type === "opaqueredirect") await leave();
  } catch {
    // No server just now: the next sign of life tells it again.
  }
}

async function leave() {
  if (leaving) return;
  leaving = true;
  keepForms(person);
  document.getElementById("idle-warning").close();
  document.getElementById("idle-cover").hidden = false;
  document.body.classList.add("is-covered");
  try {
    await post(idledOut);
  } catch {
    // The server's own limit ends the session.
  }
  const next = encodeURIComponent(location.pathname + location.search);
  location.replace(`${signIn}?next=${next}`);
}

function tick() {
  const idle = Date.now() - lastActivity();
  const warning = document.getElementById("idle-warning");
  if (idle >= limit) leave();
  else if (idle < limit - WARNING) warning.close();
  else if (!warning.open) warning.showModal();
}

function noticed() {
  // Once there is a warning, only its button keeps the session.
  if (leaving || document.getElementById("idle-warning").open) return;
  active();
  if (last - told >= TELL_EVERY) tell();
}

function start() {
  active();
  for (const kind of ["pointerdown", "keydown", "wheel", "touchstart"]) {
    document.addEventListener(kind, noticed, { capture: true, passive: true });
  }
  document.addEventListener("click", (event) => {
    const wish = event.target.closest?.("[data-idle]")?.dataset.idle;
    if (wish === "leave") leave();
    if (wish !== "stay") return;
    document.getElementById("idle-warning").close();
    active();
    tell();
  });
  document.addEventListener("htmx:configRequest", (event) => {
    const byItself =
      event.detail.elt.hasAttribute("data-poll") || Date.now() - last > RECENT;
    if (byItself) event.detail.headers["X-Background"] = "true";
  });
  if (restoreForms(person)) say(sayKept, 20);
  // After the listener of kept.js: who signs out leaves nothing behind.
  document.addEventListener("submit", (event) => {
    const leaves = event.target.getAttribute("action") === document.body.dataset.signOut;
    if (leaves) wipe();
  });
  setInterval(tick, 1000);
}

if (person && limit) start();
else keepSent();
