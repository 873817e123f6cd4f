// Typing an abbreviation and Enter fills in the assessment. Nothing is recorded by it: the focus
// goes to the button that records, once the key is up again.

const FILLED = ["diagnosis_1", "diagnosis_2", "diagnosis_3", "management", "due", "comment"];
let listed = null; // asked for once a page

function list(url) {
  listed ??= fetch(url, { headers: { Accept: "application/json" } }).then((answer) => {
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  });
  return listed.then(({ phrases }) => phrases);
}

function values(form) {
  return Object.fromEntries(FILLED.map((name) => [name, form.elements[name]?.value ?? ""]));
}

function fill(form, wanted) {
  for (const [name, value] of Object.entries(wanted)) {
    const field = form.elements[name];
    if (!field) continue;
    if (field instanceof RadioNodeList) {
      for (const radio of field) radio.checked = radio.value === value;
    } else {
      field.value = value;
    }
    const changed = field instanceof RadioNodeList ? field[0] : field;
    changed.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const details = form.querySelector("details");
  if (details && wanted.comment) details.open = true;
}

// What the doctor has written stays; only the sentence of the phrase before gives way.
function comment(written, former, sentence) {
  const all = written.trim();
  const own = former && all.endsWith(former) ? all.slice(0, -former.length).trim() : all;
  return [own, sentence].filter(Boolean).join("\n");
}

function asFields(phrase, written, former) {
  const [first, second = "", third = ""] = phrase.diagnoses;
  return {
    diagnosis_1: first,
    diagnosis_2: second,
    diagnosis_3: third,
    management: phrase.management,
    due: phrase.due,
    comment: comment(written, former, phrase.sentence),
  };
}

function suggest(input, phrases) {
  const choices = document.createElement("datalist");
  choices.id = `${input.id}-list`;
  for (const { abbreviation, says } of phrases) {
    const option = document.createElement("option");
    option.value = abbreviation;
    option.label = says;
    choices.append(option);
  }
  input.after(choices);
  input.setAttribute("list", choices.id);
}

function enhance(box) {
  const input = box.querySelector("[data-phrase]");
  const undo = box.querySelector("[data-phrase-undo]");
  const said = box.querySelector("[role=status]");
  const { form } = input;
  const url = box.dataset.phrases;
  const before = []; // what the form held, and which sentence was a phrase's
  let sentence = "";
  box.hidden = false;

  input.addEventListener("focus", () => {
    const unlisted = !input.hasAttribute("list");
    if (unlisted) list(url).then((phrases) => suggest(input, phrases), () => {});
  }, { once: true });

  async function apply() {
    const typed = input.value.trim().toLowerCase();
    if (!typed) return false;
    let phrases;
    try {
      phrases = await list(url);
    } catch {
      listed = null;
      said.textContent = box.dataset.sayNone;
      return false;
    }
    const phrase = phrases.find((each) => each.abbreviation === typed);
    if (!phrase) {
      said.textContent = `“${typed}” ${box.dataset.sayUnknown}`;
      return false;
    }
    const held = values(form);
    before.push({ held, sentence });
    fill(form, asFields(phrase, held.comment, sentence));
    sentence = phrase.sentence;
    said.textContent = `${box.dataset.sayFilled} ${phrase.says}`;
    undo.hidden = false;
    input.value = "";
    return true;
  }

  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && before.length) undo.click();
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (event.repeat) return;
    // A key that is held down must not go on to press the button that takes the focus.
    const released = new Promise((up) => {
      document.addEventListener("keyup", up, { once: true });
    });
    apply().then(async (filled) => {
      if (!filled) return;
      await released;
      form.querySelector("button[type=submit]").focus();
    });
  });

  undo.addEventListener("click", () => {
    const former = before.pop();
    fill(form, former.held);
    sentence = former.sentence;
    undo.hidden = before.length === 0;
    said.textContent = box.dataset.sayUndone;
    input.focus();
  });
}

for (const box of document.querySelectorAll("[data-phrases]")) enhance(box);
