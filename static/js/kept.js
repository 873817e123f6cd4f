// What was typed and not yet sent, kept over a sign-out for the pause in it, and over the reload
// that follows when another form of the page is sent.
//
// It stays in this tab's sessionStorage, under the person's id and the form's address, and comes
// back when the same person opens the form again in this tab; anybody else's sign-in wipes it, and
// so does a sign-out by the button. Passwords, files and hidden fields are never kept.

const PREFIX = "kept:";
const SENT = "kept-sent";
const LONGEST = 12 * 3600_000;
const NEVER = new Set(["password", "file", "hidden", "submit", "button", "image", "reset"]);

function fieldsOf(form) {
  return [...form.elements].filter(
    (field) =>
      // A field that is sent as soon as it changes has nothing unsaved in it.
      field.name && !NEVER.has(field.type) && !field.hasAttribute("hx-post"),
  );
}

function valueOf(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked;
  if (field.tagName === "SELECT") return [...field.selectedOptions].map((option) => option.value);
  return field.value;
}

function isChanged(field) {
  if (field.type === "checkbox" || field.type === "radio") {
    return field.checked !== field.defaultChecked;
  }
  if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
  const options = [...field.options];
  if (!field.multiple && !options.some((option) => option.defaultSelected)) {
    return field.selectedIndex > 0;
  }
  return options.some((option) => option.selected !== option.defaultSelected);
}

function fill(field, value) {
  if (field.type === "checkbox" || field.type === "radio") field.checked = value;
  else if (field.tagName === "SELECT") {
    for (const option of field.options) option.selected = value.includes(option.value);
  } else field.value = value;
}

// Which of several fields of a name (radio buttons, checkboxes) stands in its value.
function nameOf(field) {
  const one = field.type === "checkbox" || field.type === "radio";
  return one ? `${field.name}=${field.value}` : field.name;
}

function keyOf(form, person) {
  const action = new URL(form.getAttribute("action") || location.href, location.href).pathname;
  // Not by the page's address: what was refused is shown again at that of the form.
  return `${PREFIX}${person}:${action}`;
}

export function wipe(but = "") {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX) && !(but && key.startsWith(`${PREFIX}${but}:`))) {
      sessionStorage.removeItem(key);
    }
  }
  sessionStorage.removeItem(SENT);
}

function keep(form, person) {
  const changed = fieldsOf(form).filter(isChanged);
  if (changed.length === 0) return "";
  const values = Object.fromEntries(changed.map((field) => [nameOf(field), valueOf(field)]));
  const key = keyOf(form, person);
  sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), values }));
  return key;
}

export function keepForms(person) {
  for (const form of document.forms) keep(form, person);
}

// The page is loaded anew: what stands in its other forms would be gone. A search is no entry.
function keepOthers(sent, person) {
  const key = keyOf(sent, person);
  for (const form of document.forms) {
    const stores = form.getAttribute("method")?.toLowerCase() === "post";
    if (stores && keyOf(form, person) !== key) keep(form, person);
  }
}

function restore(form, person) {
  const key = keyOf(form, person);
  const found = JSON.parse(sessionStorage.getItem(key) ?? "null");
  if (!found) return false;
  sessionStorage.removeItem(key);
  if (Date.now() - found.at > LONGEST) return false;
  let filled = false;
  for (const field of fieldsOf(form)) {
    if (!(nameOf(field) in found.values)) continue;
    fill(field, found.values[nameOf(field)]);
    for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      fold.open = true; // what is not stored is to be seen
    }
    filled = true;
  }
  return filled;
}

// A form was sent and nobody was signed in any more: what was in it is still to be kept.
export function keepSent() {
  sessionStorage.removeItem(SENT);
}

// Returns whether anything came back. A form that a fragment brings later is filled, too.
export function restoreForms(person) {
  const sent = sessionStorage.getItem(SENT);
  // Whoever sent a form and is still signed in needs no copy of it: it was stored, or the page
  // shows it again with what was wrong.
  if (sent) sessionStorage.removeItem(sent);
  wipe(person);
  document.addEventListener("submit", (event) => {
    const form = event.target;
    sessionStorage.removeItem(keyOf(form, person)); // an older copy is no longer what is there
    const key = keep(form, person);
    if (form.hasAttribute("hx-post")) return;
    if (key) sessionStorage.setItem(SENT, key);
    if (!event.defaultPrevented) keepOthers(form, person);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form");
    const { xhr, successful } = event.detail;
    if (form && successful && !xhr.getResponseHeader("HX-Refresh")) {
      sessionStorage.removeItem(keyOf(form, person));
    }
  });
  document.addEventListener("htmx:load", (event) => {
    for (const form of event.target.querySelectorAll?.("form") ?? []) restore(form, person);
  });
  return [...document.forms].map((form) => restore(form, person)).includes(true);
}
