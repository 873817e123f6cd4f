// The review page: images, the searchable diagnoses, quick dates, and where the focus goes.

import { enhance } from "./combobox.js";
import { setUp } from "./viewer.js";

setUp();

for (const select of document.querySelectorAll("select[data-combobox]")) {
  enhance(select, select.form.dataset.sayNone);
}

for (const row of document.querySelectorAll("[data-months-for]")) {
  const date = document.getElementById(row.dataset.monthsFor);
  row.hidden = false;
  row.addEventListener("click", (event) => {
    const months = Number(event.target.dataset.months);
    if (!months) return;
    const day = new Date();
    const wanted = day.getMonth() + months;
    day.setMonth(wanted);
    if (day.getMonth() !== wanted % 12) day.setDate(0); // 31 August + 6 months is the last of February
    const two = (number) => String(number).padStart(2, "0");
    date.value = `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
  });
}

for (const hint of document.querySelectorAll("[data-keys-hint]")) hint.hidden = false;

// Ctrl+Enter records from anywhere in the form. A combination of keys is no stray letter.
document.addEventListener("keydown", (event) => {
  const wanted = event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.altKey;
  const form = wanted && !event.repeat && event.target.closest("form[data-assess]");
  const button = form && form.querySelector("[type=submit]");
  if (!button || button.disabled) return;
  event.preventDefault();
  form.requestSubmit(button);
});

// "Change mine" opens the form that is there, folded up.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  const folded = opener && document.getElementById(opener.dataset.open);
  if (!folded) return;
  event.preventDefault();
  folded.open = true;
  folded.querySelector("[data-key~=diagnosis]").focus();
});

// After recording, the page opens at the next lesion, and the confirmation goes there, too.
const place = location.hash && document.getElementById(location.hash.slice(1));
if (place && !document.querySelector(".error-summary")) {
  const said = document.querySelector("#main > .notice[role=status]");
  if (said) place.closest(".card__header").after(said);
  place.scrollIntoView();
  place.focus({ preventScroll: true });
}
