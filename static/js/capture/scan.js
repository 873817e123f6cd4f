// A record number by the camera, where the browser reads codes by itself. A scanner that types, or
// the keyboard, needs none of this.

const form = document.getElementById("scan");
const field = document.getElementById("mrn");
const start = document.getElementById("scan-start");
const view = document.getElementById("scan-view");
const said = document.getElementById("scan-said");
const EVERY = 150; // milliseconds between two looks
let stream = null;

if ("BarcodeDetector" in window && navigator.mediaDevices?.getUserMedia) {
  start.hidden = false;
  start.addEventListener("click", () => (stream ? stop() : scan()));
}
// A number that nobody has: the next scan replaces it.
if (field.value) field.select();
// A scanner types into whatever has the focus: on this page that is the field.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && document.activeElement === document.body) field.focus();
});

async function scan() {
  said.textContent = form.dataset.sayLooking;
  const video = view.querySelector("video");
  try {
    const detector = new BarcodeDetector();
    const wish = { video: { facingMode: "environment" }, audio: false };
    stream = await navigator.mediaDevices.getUserMedia(wish);
    video.srcObject = stream;
    view.hidden = false;
    await video.play();
    await look(detector, video);
  } catch {
    stop();
    said.textContent = form.dataset.sayRefused;
    field.focus();
  }
}

async function look(detector, video) {
  if (!stream) return;
  const [code] = await detector.detect(video);
  if (!code) {
    setTimeout(() => look(detector, video).catch(stop), EVERY);
    return;
  }
  stop();
  field.value = code.rawValue;
  form.requestSubmit();
}

function stop() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  view.hidden = true;
  said.textContent = "";
}
