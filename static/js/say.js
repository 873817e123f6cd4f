// Says a sentence in the corner, to eyes and to screen readers.

let fading;

export function say(sentence, seconds = 8) {
  const place = document.getElementById("toast");
  const notice = document.getElementById("toast-template").content.cloneNode(true);
  notice.querySelector("p").textContent = sentence;
  place.replaceChildren(notice);
  clearTimeout(fading);
  fading = setTimeout(() => place.replaceChildren(), seconds * 1000);
}
