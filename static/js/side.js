// Asks for the side of a lesion, and insists, only where the body has two.

for (const site of document.querySelectorAll("select[data-paired]")) {
  const paired = new Set(site.dataset.paired.split(" "));
  const side = site.form.elements.laterality;
  const field = side.closest(".field");
  const show = () => {
    const needed = paired.has(site.value);
    side.required = needed;
    for (const option of side.options) {
      option.hidden = needed && (option.value === "" || option.value === "midline");
    }
    if (needed && !["left", "right"].includes(side.value)) side.value = "";
    field.hidden = !site.value;
  };
  site.addEventListener("change", show);
  show();
}
