// What has just been done, with a way back: stays for ten seconds, longer while somebody is at it.
//
// A page says it as partials/undo.html, which works where it stands; here it moves to the corner,
// and so does one that a fragment brings. The key for "undo" presses the newest (keys.js).

const STAYS = 10_000;

function leave(notice) {
  const hadFocus = notice.contains(document.activeElement);
  notice.remove();
  if (hadFocus) document.getElementById("main").focus({ preventScroll: true });
}

function adopt(notice) {
  const place = document.getElementById("toasts");
  if (notice.closest("#toasts")) return;
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => leave(notice), STAYS);
  };
  const stay = () => clearTimeout(timer);
  notice.addEventListener("pointerenter", stay);
  notice.addEventListener("focusin", stay);
  for (const gone of ["pointerleave", "focusout"]) {
    notice.addEventListener(gone, () => {
      if (!notice.matches(":hover, :focus-within")) wait();
    });
  }
  const dismiss = notice.querySelector("[data-dismiss]");
  dismiss.hidden = false;
  dismiss.addEventListener("click", () => leave(notice));
  // Once undone there is nothing left to undo.
  notice.addEventListener("htmx:afterRequest", () => leave(notice));
  // One way back at a time: the last thing done.
  place.replaceChildren(notice);
  wait();
}

function adoptIn(root) {
  for (const notice of root.querySelectorAll("[data-undo]")) adopt(notice);
}

adoptIn(document);
document.addEventListener("htmx:load", (event) => {
  if (event.target.matches?.("[data-undo]")) adopt(event.target);
  else adoptIn(event.target);
});
