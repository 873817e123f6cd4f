// The histology page: its searchable diagnoses.

import { enhance } from "./combobox.js";

for (const select of document.querySelectorAll("select[data-combobox]")) {
  enhance(select, select.form.dataset.sayNone);
}
