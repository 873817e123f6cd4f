// Brightness and contrast of a photograph: two sliders in per cent, and a button that resets them.
//
// Only what is seen changes; the stored image and what the network read stay as they are.

export function setUpLight(root, pictures) {
  const sliders = [...root.querySelectorAll("[data-light]")];
  const reset = root.querySelector("[data-light-reset]");
  const act = () => {
    const wanted = sliders.filter((each) => each.value !== each.defaultValue);
    const filter = wanted.map((each) => `${each.dataset.light}(${each.value}%)`).join(" ");
    for (const picture of pictures()) picture.style.filter = filter;
    for (const each of sliders) {
      const words = `${each.value} %`;
      each.setAttribute("aria-valuetext", words);
      each.nextElementSibling.textContent = words;
    }
    reset.disabled = wanted.length === 0;
  };
  for (const each of sliders) {
    each.value = each.defaultValue;
    each.addEventListener("input", act);
  }
  reset.addEventListener("click", () => {
    for (const each of sliders) each.value = each.defaultValue;
    act();
    sliders[0].focus(); // a button that is switched off loses the focus
  });
  act();
  return act;
}
