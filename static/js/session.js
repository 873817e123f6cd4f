// To be signed: how many visits are chosen, and all of them at once.

const boxes = [...document.querySelectorAll('input[name="visit"]')];
const count = document.querySelector("[data-count]");
const all = document.querySelector("[data-choose]");

function tell() {
  const chosen = boxes.filter((box) => box.checked).length;
  count.textContent = count.dataset.say.replace("%n", chosen).replace("%all", boxes.length);
}

if (all) {
  all.hidden = false;
  all.addEventListener("click", () => {
    const wanted = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = wanted;
    tell();
  });
  for (const box of boxes) box.addEventListener("change", tell);
}
