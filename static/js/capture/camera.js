// One picture at a time: the lesion's last image beside the camera, and laid over the new picture
// before it is kept, so that both have the same framing.

import { showVerdict, verdictOn } from "./verdict.js";

const WISH = { video: { facingMode: "environment", width: { ideal: 3840 } }, audio: false };

export function startCamera(form, keep) {
  const dialog = document.getElementById("camera");
  const part = (selector) => dialog.querySelector(selector);
  const act = (name) => part(`[data-act=${name}]`);
  const [video, canvas, ghost] = ["video", "canvas", ".camera__ghost"].map(part);
  const blend = part("#blend");
  const shot = document.getElementById("shot");
  const live = document.getElementById("live");
  const lesion = form.elements.lesion;
  const say = dialog.dataset;
  let stream = null;
  let taken = null;

  showLast();
  lesion.addEventListener("change", showLast);
  blend.addEventListener("input", showBlend);
  live.hidden = !navigator.mediaDevices?.getUserMedia;
  live.addEventListener("click", openLive);
  const shoot = () => {
    const [file] = shot.files;
    shot.value = "";
    if (file) compare(file);
  };
  shot.addEventListener("change", shoot);
  act("release").addEventListener("click", release);
  act("keep").addEventListener("click", () => {
    const { file, verdict } = taken;
    close();
    keep([file], verdict);
    (live.hidden ? shot : live).focus();
  });
  act("again").addEventListener("click", () => {
    taken = null;
    if (stream) viewfinder();
    else {
      close();
      shot.click();
    }
  });
  act("close").addEventListener("click", close);
  dialog.addEventListener("close", stop);
  shoot(); // taken before this script was there

  function chosen() {
    return lesion.selectedOptions[0];
  }

  function showLast() {
    const { small, when } = chosen()?.dataset ?? {};
    const figure = document.getElementById("last");
    figure.hidden = !small;
    if (!small) return;
    figure.querySelector("img").src = small;
    figure.querySelector("[data-when]").textContent = `(${when})`;
  }

  function open(hint) {
    const { last } = chosen().dataset;
    part("[data-lesion]").textContent = chosen().textContent;
    const without = lesion.value ? say.sayNew : say.sayNone;
    part("[data-hint]").textContent = last ? hint : without;
    ghost.hidden = !last;
    if (last && ghost.getAttribute("src") !== last) ghost.src = last;
    part(".camera__blend").hidden = !last;
    showBlend();
    if (!dialog.open) dialog.showModal();
  }

  function showBlend() {
    ghost.style.opacity = String(blend.value / 100);
    part("output").textContent = `${blend.value} %`;
  }

  function stage(seen, ...buttons) {
    video.hidden = seen !== video;
    canvas.hidden = seen !== canvas;
    for (const button of dialog.querySelectorAll("[data-act]")) {
      button.hidden = button !== act("close") && !buttons.includes(button);
    }
    buttons[0]?.focus();
  }

  async function openLive() {
    open(say.sayLive);
    part(".camera__verdict").textContent = say.sayLens;
    stage(video);
    try {
      stream = await navigator.mediaDevices.getUserMedia(WISH);
    } catch {
      close();
      live.hidden = true;
      form.querySelector("#folder-said").textContent = say.sayRefused;
      shot.focus();
      return;
    }
    if (!dialog.open) {
      stop(); // closed while the browser asked
      return;
    }
    video.srcObject = stream;
    await video.play();
    viewfinder();
  }

  function viewfinder() {
    part(".camera__verdict").replaceChildren();
    stage(video, act("release"));
  }

  async function release() {
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
    const name = `${new Date().toISOString().replace(/[:.]/g, "-")}.jpg`;
    const file = new File([blob], name, { type: "image/jpeg" });
    await judge(file, verdictOn(file, form.dataset.measure));
  }

  // A file of the device's own camera: shown over the last image before it is kept.
  async function compare(file) {
    const verdict = verdictOn(file, form.dataset.measure); // beside the page, from now on
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      keep([file], null); // nothing that a browser can show: the server says what it is
      return;
    }
    const scale = Math.min(1, 1600 / Math.max(bitmap.width, bitmap.height));
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    open(say.sayCompare);
    await judge(file, verdict);
  }

  async function judge(file, coming) {
    const mine = { file, verdict: null };
    taken = mine;
    stage(canvas, act("keep"), act("again"));
    const place = part(".camera__verdict");
    place.textContent = form.dataset.sayJudging;
    const verdict = await coming;
    if (taken !== mine) return;
    mine.verdict = verdict;
    showVerdict(place, verdict, form.dataset);
    // A poor picture is not kept by a key that was meant for a good one.
    if (verdict.verdict === "poor") act("again").focus();
  }

  function close() {
    if (dialog.open) dialog.close();
  }

  function stop() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    taken = null;
    video.srcObject = null;
  }
}
