// The worklist: nothing on it jumps. Cells are exchanged in place, and whatever the pointer or the
// focus is on stays where it is on the screen; how long a claim still lasts counts down.

import { say } from "./say.js";

const TICK = 5000;
const served = new Map(); // what the server last said of each cell
let pointer = null;
let anchor = null;
let changing = false;
let wasOnNews = false;

const list = () => document.getElementById("worklist");
// Every answer has a token of its own for the same form.
const plain = (html) => html.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "").trim();

// ---- claims ----

function left(until) {
  const seconds = Math.round((new Date(until) - Date.now()) / 1000);
  const { sayLeft, sayLapsed } = list().dataset;
  if (seconds <= 0) return sayLapsed;
  const [count, unit] = seconds < 60 ? [seconds, "second"] : [Math.floor(seconds / 60), "minute"];
  const form = { style: "unit", unit, unitDisplay: "short" };
  const words = new Intl.NumberFormat(document.documentElement.lang, form).format(count);
  return sayLeft.replace("%s", words);
}

function countDown() {
  for (const place of document.querySelectorAll("[data-until]")) {
    const words = left(place.dataset.until);
    if (place.textContent !== words) place.textContent = words;
  }
}

// ---- nothing jumps ----

function rowOf(element) {
  return element?.closest?.(".waiting") ?? null;
}

// The row under the pointer, else the one with the focus, else the first that can be seen.
function rowInHand() {
  const under = pointer && document.elementFromPoint(pointer.x, pointer.y);
  const rows = [...document.querySelectorAll(".waiting")];
  return (
    rowOf(under) ??
    rowOf(document.activeElement) ??
    rows.find((row) => row.getBoundingClientRect().bottom > 0) ??
    null
  );
}

function hold() {
  const row = rowInHand();
  anchor = row && { id: row.id, top: row.getBoundingClientRect().top };
}

function keep() {
  const row = anchor && document.getElementById(anchor.id);
  if (row) scrollBy({ top: row.getBoundingClientRect().top - anchor.top, behavior: "instant" });
}

function remember() {
  for (const cell of document.querySelectorAll(".waiting [id]")) {
    served.set(cell.id, plain(cell.innerHTML));
  }
}

document.addEventListener("pointermove", (event) => {
  pointer = { x: event.clientX, y: event.clientY };
});
document.documentElement.addEventListener("pointerleave", () => (pointer = null));

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const row = rowOf(target);
  if (!row) return;
  const said = plain(fragment.innerHTML);
  if (served.get(target.id) === said) {
    event.detail.shouldSwap = false;
    return;
  }
  served.set(target.id, said);
  if (!changing) {
    changing = true;
    hold();
    // All cells of one answer are exchanged before anything else runs, and before it is painted.
    queueMicrotask(settle);
  }
  // What a cell loses is no reason for the rows below to come up.
  row.style.minHeight = `${row.offsetHeight}px`;
});

function settle() {
  changing = false;
  countDown();
  for (const row of document.querySelectorAll(".waiting")) {
    row.classList.toggle("waiting--taken", row.querySelector("[data-taken]") !== null);
  }
  keep();
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "worklist") return;
  wasOnNews = Boolean(document.activeElement?.closest("#worklist-note"));
  hold();
});

// Somebody wanted the list as it stands now.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "worklist") return;
  document.getElementById("worklist-note").replaceChildren();
  served.clear();
  remember();
  countDown();
  keep();
  say(list().dataset.sayShown, 4);
  if (wasOnNews) document.querySelector(".waiting [data-key~=open]")?.focus();
});

remember();
countDown();
setInterval(countDown, TICK);
