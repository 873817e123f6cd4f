// The one place where keys do something on a page. Nothing else listens for letters.
//
// A page declares what can be done, as elements that work without a key, too:
//
//   <a data-key="sign" data-key-label="To signing" href="…">        followed
//   <button data-key="claim" data-key-label="Claim the visit">      pressed
//   <input data-key="search" data-key-label="Search">               gets the focus
//   <li data-key-item> … <a data-key="open" href="…"> … </li>       one of a list
//
// `data-key` holds actions of dermaclinic/accounts/shortcuts.py; <body data-keys> says which key
// each has for this person. In a list the keys act on the item that has the focus, or had it last.
// What asks for a password is never sent by a key, and `sign` only ever leads to where one signs.
// An element with two actions names one of them in `data-key-label-search`, say.
// `data-key-said` is what a screen reader hears then; without it, the label.

import { say } from "./say.js";

const FIXED = { ArrowDown: "next-item", ArrowUp: "previous-item" };
// Where letters are text, or belong to the thing itself.
const OWN_KEYS =
  "input, textarea, select, [contenteditable], [role=combobox], [role=listbox], [role=slider], " +
  "[role=application], [role=menu], [data-own-keys], .openseadragon-canvas";
const SEQUENCE_LASTS = 1500;

const chosen = JSON.parse(document.body.dataset.keys ?? "{}");
const keyOf = chosen.keys ?? {};
const actionOf = new Map(
  chosen.single_letters ? Object.entries(keyOf).map(([action, key]) => [key, action]) : [],
);
actionOf.delete("");
const prefixes = new Set(
  [...actionOf.keys()].filter((key) => key.includes(" ")).map((key) => key.split(" ")[0]),
);

let before = "";
let forgetting;
let last = null;

function isThere(element) {
  const off = element.disabled || element.getAttribute("aria-disabled") === "true";
  return !off && element.checkVisibility();
}

function declared(action, root = document) {
  return [...root.querySelectorAll(`[data-key~="${action}"]`)].filter(isThere);
}

function items() {
  return [...document.querySelectorAll("[data-key-item]")].filter(isThere);
}

function currentItem() {
  const focused = document.activeElement?.closest("[data-key-item]");
  return focused ?? (last?.isConnected ? last : null);
}

// Of the item in hand, else what stands outside of lists, else the only one there is.
function find(action) {
  const item = currentItem();
  const [inItem] = item ? declared(action, item) : [];
  if (inItem) return inItem;
  const all = declared(action);
  const outside = all.filter((element) => !element.closest("[data-key-item]"));
  // What has just been done comes before what the page holds, and that before the page's frame.
  const near = (places) => outside.find((element) => element.closest(places));
  return near("#toasts") ?? near("#main") ?? outside[0] ?? (all.length === 1 ? all[0] : undefined);
}

function reveal(element) {
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const all = items();
  if (all.length === 0) return false;
  const at = all.indexOf(currentItem());
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step;
  const item = all[Math.min(Math.max(next, 0), all.length - 1)];
  const places = [...item.querySelectorAll("a[href], button, [tabindex]")];
  const place = declared("open", item)[0] ?? places.find(isThere);
  last = item;
  reveal(place ?? item);
  return true;
}

function tell(sentence) {
  document.getElementById("key-said").textContent = sentence;
}

function use(action, element) {
  const isLink = element.matches("a[href]");
  if (element.matches("input:not([type=submit], [type=button]), textarea, select")) {
    reveal(element);
    element.select?.();
    return;
  }
  const secret = element.closest("form")?.querySelector("input[type=password]");
  if (secret || (action === "sign" && !isLink)) {
    reveal(secret ?? element);
    return;
  }
  tell(element.dataset.keySaid ?? element.dataset.keyLabel ?? element.textContent.trim());
  element.click();
}

function perform(action) {
  if (action === "next-item" && move(1)) return;
  if (action === "previous-item" && move(-1)) return;
  if (action === "help") return openHelp();
  const element = find(action);
  if (element) return use(action, element);
  const { sayNoItem, sayNoKey } = document.body.dataset;
  say(declared(action).length > 0 ? sayNoItem : sayNoKey, 4);
}

// ---- what there is on this page ----

function line(key, label) {
  const row = document.createElement("div");
  const term = document.createElement("dt");
  for (const part of key.split(" ")) {
    const kbd = document.createElement("kbd");
    kbd.textContent = part;
    term.append(kbd, " ");
  }
  const words = document.createElement("dd");
  words.textContent = label;
  row.append(term, words);
  return row;
}

function fill(list, elements, { lines = [] } = {}) {
  const seen = new Set();
  list.replaceChildren(...lines);
  for (const element of elements) {
    for (const action of element.dataset.key.split(" ")) {
      const key = chosen.single_letters ? keyOf[action] : "";
      const label = element.getAttribute(`data-key-label-${action}`) ?? element.dataset.keyLabel;
      if (!key || seen.has(action) || !label) continue;
      seen.add(action);
      list.append(line(key, label));
    }
  }
  list.closest("section").hidden = list.childElementCount === 0;
}

function openHelp() {
  const dialog = document.getElementById("keys-help");
  const all = [...document.querySelectorAll("[data-key]")].filter(isThere);
  const frame = (element) => element.closest(".site-header, .site-footer");
  const moves = [];
  if (items().length > 0) {
    const { next, previous } = dialog.dataset;
    moves.push(line(["↓", chosen.single_letters && keyOf["next-item"]].filter(Boolean).join(" "), next));
    moves.push(line(["↑", chosen.single_letters && keyOf["previous-item"]].filter(Boolean).join(" "), previous));
  }
  const here = all.filter((element) => !frame(element));
  fill(dialog.querySelector("[data-keys-here]"), here, { lines: moves });
  fill(dialog.querySelector("[data-keys-everywhere]"), all.filter(frame));
  dialog.showModal();
}

// ---- keys ----

function isForSomethingElse(event) {
  if (event.defaultPrevented || event.isComposing) return true;
  if (event.ctrlKey || event.altKey || event.metaKey) return true;
  if (document.querySelector("dialog[open]")) return true;
  return Boolean(event.target.closest?.(OWN_KEYS));
}

function actionFor(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // Shift makes "?" on many keyboards, but "Shift+C" is not "c".
  if (event.shiftKey && key !== key.toUpperCase() && key.length === 1) return "";
  if (before) {
    const sequence = `${before} ${key}`;
    before = "";
    return actionOf.get(sequence) ?? "";
  }
  if (prefixes.has(key)) {
    before = key;
    clearTimeout(forgetting);
    forgetting = setTimeout(() => (before = ""), SEQUENCE_LASTS);
    return "";
  }
  if (key in FIXED) {
    const at = document.activeElement;
    const mayMove = at === document.body || at.id === "main" || at.closest("[data-key-item]");
    return mayMove && items().length > 0 ? FIXED[key] : "";
  }
  return actionOf.get(key) ?? "";
}

document.addEventListener("keydown", (event) => {
  if (isForSomethingElse(event)) {
    before = "";
    return;
  }
  const action = actionFor(event);
  if (!action) return;
  const isMove = action === "next-item" || action === "previous-item";
  if (event.repeat && !isMove) return;
  event.preventDefault();
  perform(action);
});

document.addEventListener("focusin", (event) => {
  last = event.target.closest("[data-key-item]") ?? last;
});

document.addEventListener("click", (event) => {
  const close = event.target.closest("[data-close-dialog]");
  if (close) close.closest("dialog").close();
  // Pressed with the mouse: the same as by its key.
  if (event.target.closest('[data-key~="help"]')) openHelp();
});
