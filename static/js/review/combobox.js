// Makes a select searchable: a combobox after the ARIA Authoring Practices (editable, list).
//
// The select stays in the form, hidden, and keeps the value; without this file it is used as it is.

let counter = 0;

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

export function enhance(select, none) {
  const list = document.createElement("ul");
  const input = document.createElement("input");
  const box = document.createElement("div");
  const choices = [...select.options].filter((option) => option.value);
  let shown = [];
  let active = -1;

  box.className = "combobox";
  list.className = "combobox__list";
  list.id = `combobox-${++counter}`;
  list.setAttribute("role", "listbox");
  list.hidden = true;
  input.type = "text";
  input.id = select.id;
  input.autocomplete = "off";
  input.spellcheck = false;
  input.placeholder = select.options[0].textContent;
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": list.id,
  })) {
    input.setAttribute(name, value);
  }
  for (const name of ["aria-describedby", "aria-invalid"]) {
    if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
  }
  for (const name of ["data-key", "data-key-label"]) {
    if (!select.hasAttribute(name)) continue;
    input.setAttribute(name, select.getAttribute(name)); // the hidden one cannot be reached
    select.removeAttribute(name);
  }
  const label = document.querySelector(`label[for="${select.id}"]`);
  label.id ||= `${list.id}-label`;
  list.setAttribute("aria-labelledby", label.id);
  select.removeAttribute("id");
  select.required = false;
  select.hidden = true;
  select.after(box);
  box.append(input, list);

  const chosen = () => (select.value ? select.selectedOptions[0].textContent : "");
  input.value = chosen();

  function close() {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(index) {
    active = index;
    [...list.children].forEach((item, at) => {
      item.setAttribute("aria-selected", String(at === index));
    });
    const item = list.children[index];
    if (!item || !shown.length) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  }

  function show(text) {
    const words = plain(text).split(/\s+/);
    shown = choices.filter((option) => words.every((word) => plain(option.text).includes(word)));
    list.replaceChildren(...shown.map(row));
    if (!shown.length) {
      const empty = row({ text: none });
      empty.className = "combobox__none";
      empty.setAttribute("aria-disabled", "true");
      list.append(empty);
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(text && shown.length ? 0 : shown.findIndex((option) => option.selected));
  }

  function row(option, at = 0) {
    const item = document.createElement("li");
    item.id = `${list.id}-${at}`;
    item.className = "combobox__option";
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    const name = document.createElement("span");
    name.textContent = option.text;
    item.append(name);
    if (option.parentElement?.label) {
      const group = document.createElement("span");
      group.className = "combobox__group";
      group.textContent = option.parentElement.label;
      item.append(group);
    }
    return item;
  }

  function take(index) {
    if (!shown[index]) return;
    select.value = shown[index].value;
    input.value = chosen();
    close();
  }

  input.addEventListener("input", () => {
    if (!input.value.trim()) select.value = "";
    show(input.value);
  });
  input.addEventListener("click", () => (list.hidden ? show("") : close()));
  input.addEventListener("blur", () => {
    // What was typed and fits nothing must not look like a choice.
    input.value = chosen();
    close();
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (list.hidden) show("");
      else if (shown.length) mark((active + step + shown.length) % shown.length);
    } else if (event.key === "Enter" && !list.hidden) {
      event.preventDefault();
      take(active);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      input.value = chosen();
      close();
    } else if (event.key === "Tab" && !list.hidden && input.value.trim() && active >= 0) {
      take(active);
    }
  });
  select.addEventListener("change", () => {
    input.value = chosen(); // somebody else filled the form in
  });
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) take([...list.children].indexOf(item));
  });
}
