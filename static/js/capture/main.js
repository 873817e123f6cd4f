// The visit's page: files in, images out, and each to its lesion.

import { startCamera } from "./camera.js";
import { dropped, withoutNoise } from "./files.js";
import { Queue } from "./queue.js";
import { Rows } from "./rows.js";
import { startTray } from "./tray.js";
import { discard } from "./tus.js";
import { showVerdict } from "./verdict.js";

const form = document.getElementById("upload");
startTray();
startBriefs();
if (form) start();

document.addEventListener("click", (event) => {
  const what = event.target.closest?.("[data-dismiss]")?.dataset.dismiss;
  if (what === "undo") document.getElementById("undo").replaceChildren();
});

function start() {
  const say = form.dataset;
  const zone = document.getElementById("dropzone");
  const input = document.getElementById("files");
  const folder = document.getElementById("folder");
  const rows = new Rows(say, (job) => queue.retry(job));
  const queue = new Queue(form, rows, {
    onImage: place,
    onSettled: () => htmx.trigger(document.body, "uploads-settled"),
  });
  startCamera(form, (files, verdict) => queue.add(files, verdict));

  // Whoever is quicker than this script has chosen already.
  const asChosen = (field, send) => {
    const sendChosen = () => {
      if (field.files.length) send([...field.files]);
      field.value = "";
    };
    field.addEventListener("change", sendChosen);
    sendChosen();
  };
  asChosen(input, (files) => queue.add(files));
  if ("webkitdirectory" in folder) document.getElementById("folder-way").hidden = false;
  asChosen(folder, (files) => take(withoutNoise(files, true)));
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.dataset.over = "";
  });
  zone.addEventListener("dragleave", () => delete zone.dataset.over);
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    delete zone.dataset.over;
    take(await dropped(event.dataTransfer));
  });
  // A file that misses the zone must not replace the page.
  for (const kind of ["dragover", "drop"]) {
    window.addEventListener(kind, (event) => event.preventDefault());
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  document
    .querySelector("[data-dismiss=not-stored]")
    .addEventListener("click", () => rows.dismiss());
  document.getElementById("unfinished-discard")?.addEventListener("click", discardAll);

  function take({ files, skipped }) {
    document.getElementById("folder-said").textContent = skipped
      ? say.saySkipped.replace("%count", skipped)
      : "";
    queue.add(files);
  }

  async function discardAll(event) {
    event.target.disabled = true;
    for (const item of document.querySelectorAll("#unfinished [data-upload]")) {
      try {
        if (await discard(item.dataset.upload, queue.token)) forget(item.dataset.upload);
      } catch {
        document.getElementById("folder-said").textContent = say.sayFailed;
        event.target.disabled = false;
        return;
      }
    }
  }

  // What was unfinished is whole now, or given up.
  function forget(address) {
    document.querySelector(`#unfinished [data-upload="${address}"]`)?.remove();
    if (!document.querySelector("#unfinished [data-upload]")) {
      document.getElementById("unfinished")?.remove();
    }
  }

  // The tile of a new image, or of one that was here already: then the old tile stays. Its
  // verdict, the server's own, takes the place of the browser's.
  function place(html, job) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const tile = holder.content.querySelector("li");
    forget(job.sending?.address);
    if (!tile) return;
    const verdict = { verdict: tile.dataset.verdict, reasons: reasonsOf(tile) };
    showVerdict(job.row.querySelector(".upload__verdict"), verdict, say);
    if (document.querySelector(`[data-image="${tile.dataset.image}"]`)) return;
    document.getElementById(tile.dataset.place).append(tile);
    if (tile.dataset.place === "tiles") document.getElementById("no-tiles").hidden = true;
    else document.getElementById("matching").hidden = false;
    htmx.process(tile);
    htmx.trigger(document.body, "tiles-placed");
  }
}

function reasonsOf(tile) {
  return (tile.dataset.reasons ?? "").split(" ").filter(Boolean);
}

// One question for all images whose opinions the page waits for; none when it waits for nothing.
function startBriefs() {
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target.id !== "briefs") return;
    const pending = [...document.querySelectorAll("[data-pending]")];
    if (pending.length === 0) event.preventDefault();
    event.detail.parameters.set("pending", pending.map((each) => each.dataset.pending).join(","));
  });
}
