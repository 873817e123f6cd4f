// The tray of images that no lesion is named for: arrows move, space chooses, a lesion's number
// assigns; with the mouse, images are dragged onto a lesion, or the lesion is pressed.

const PAUSE = 700; // milliseconds until "1" is not the beginning of "12" any more
const MOVES = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: "row", ArrowUp: "-row" };

export function startTray() {
  let typed = "";
  let timer;
  let place = 0;

  prepare();
  document.addEventListener("keydown", pressed);
  document.addEventListener("focusin", (event) => {
    const box = event.target.closest?.("#tray-items input");
    if (box) point(boxes().indexOf(box));
  });
  document.addEventListener("change", (event) => {
    if (event.target.closest("#tray-items")) tellChosen();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#tray-all")) chooseAll();
  });
  document.addEventListener("dragstart", lifted);
  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", left);
  document.addEventListener("drop", dropped);
  // A lesion that is pressed without anything chosen takes the image that the keyboard stands on.
  // Hundreds go in one field: a form has no room for as many.
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target.id !== "tray") return;
    const taken = chosen().length ? chosen() : boxes().slice(place, place + 1);
    event.detail.parameters.set("image", taken.map((box) => box.value).join(","));
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.id === "tray") tell(event.target.dataset.sayAssigning);
  });
  document.addEventListener("htmx:oobAfterSwap", prepare);
  document.body.addEventListener("tiles-placed", prepare);
  document.addEventListener("htmx:afterRequest", (event) => {
    // Not what the page asks meanwhile. The form itself is no longer on the page.
    if (event.detail.requestConfig.elt.id !== "tray") return;
    if (!event.detail.successful) tellChosen();
    const box = boxes()[Math.min(place, boxes().length - 1)];
    // The next image, or what can be done now that there is none.
    (box ?? document.querySelector("#undo button"))?.focus();
  });

  function boxes() {
    return [...document.querySelectorAll("#tray-items input")];
  }

  function chosen() {
    return boxes().filter((box) => box.checked);
  }

  // One of them is in the tab order; arrows lead to the others.
  function prepare() {
    point(Math.max(0, Math.min(place, boxes().length - 1)));
    tellChosen();
  }

  function point(index) {
    place = index;
    boxes().forEach((box, at) => {
      box.tabIndex = at === place ? 0 : -1;
    });
  }

  function inARow() {
    const [first, ...others] = boxes().map((box) => box.closest("li").offsetTop);
    const below = others.findIndex((top) => top !== first);
    return below < 0 ? boxes().length : below + 1;
  }

  function pressed(event) {
    if (!event.target.closest?.("#tray") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[0-9]$/.test(event.key)) {
      event.preventDefault();
      type(event.key);
    } else if (event.key === "Enter" && typed) {
      event.preventDefault();
      assign();
    } else if (event.target.matches("#tray-items input")) move(event);
  }

  function move(event) {
    const all = boxes();
    const step = MOVES[event.key];
    let to = null;
    if (event.key === "Home") to = 0;
    else if (event.key === "End") to = all.length - 1;
    else if (step === "row") to = place + inARow();
    else if (step === "-row") to = place - inARow();
    else if (step) to = place + step;
    else if (event.key === "Enter") event.preventDefault(); // a lesion is named, never guessed
    if (to === null) return;
    event.preventDefault();
    if (to < 0 || to >= all.length) return;
    if (event.shiftKey) {
      all[place].checked = true;
      all[to].checked = true;
      tellChosen();
    }
    all[to].focus();
  }

  function type(digit) {
    clearTimeout(timer);
    typed += digit;
    const numbers = buttons().map((button) => button.dataset.number);
    const longer = numbers.some((number) => number !== typed && number.startsWith(typed));
    if (!longer) assign();
    else {
      tell(document.getElementById("tray").dataset.sayTyped.replace("%number", typed));
      timer = setTimeout(assign, PAUSE);
    }
  }

  function buttons() {
    return [...document.querySelectorAll("#tray [data-number]")];
  }

  function assign() {
    clearTimeout(timer);
    const button = buttons().find((each) => each.dataset.number === typed);
    typed = "";
    if (button) button.click();
    else tell(document.getElementById("tray").dataset.sayNone);
  }

  function chooseAll() {
    const all = boxes();
    const wanted = chosen().length < all.length;
    for (const box of all) box.checked = wanted;
    tellChosen();
  }

  function tell(text) {
    document.getElementById("tray-said").textContent = text;
  }

  function tellChosen() {
    const tray = document.getElementById("tray");
    if (!tray) return;
    const count = chosen().length;
    tell(count ? tray.dataset.sayChosen.replace("%count", count) : "");
  }

  function lifted(event) {
    const item = event.target.closest?.(".tray__item");
    if (!item) return;
    const box = item.querySelector("input");
    if (!box.checked) {
      for (const other of chosen()) other.checked = false;
      box.checked = true;
      tellChosen();
    }
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  }

  function targetOf(event) {
    const isOurs = !event.dataTransfer?.types.includes("Files");
    return isOurs ? event.target.closest?.("#tray [data-number]") : null;
  }

  function over(event) {
    const button = targetOf(event);
    if (!button) return;
    event.preventDefault();
    button.dataset.over = "";
  }

  function left(event) {
    delete targetOf(event)?.dataset.over;
  }

  function dropped(event) {
    const button = targetOf(event);
    if (!button) return;
    event.preventDefault();
    delete button.dataset.over;
    button.click();
  }
}
