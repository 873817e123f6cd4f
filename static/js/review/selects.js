// The searchable diagnoses outside of the review.

import { enhance } from "./combobox.js";

for (const select of document.querySelectorAll("select[data-combobox]")) {
  enhance(select, select.form.dataset.sayNone);
}
