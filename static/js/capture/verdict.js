// Is a picture sharp and well lit? Told while the patient sits, before the file has been sent.

import { judged, measured } from "./measure.js";

const limits = JSON.parse(document.getElementById("measure")?.textContent ?? "null");
const asked = new Map();
let worker;
let next = 0;

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

function workerAt(address) {
  if (worker === undefined) {
    try {
      worker = new Worker(address, { type: "module" });
      worker.addEventListener("message", ({ data }) => {
        asked.get(data.id)?.(data);
        asked.delete(data.id);
      });
      worker.addEventListener("error", () => {
        worker = null;
        for (const answer of asked.values()) answer({ verdict: "" });
        asked.clear();
      });
    } catch {
      worker = null;
    }
  }
  return worker;
}

// The verdict on a file: { verdict, reasons }; the verdict is "" for what no browser can show.
export async function verdictOn(file, address) {
  if (!limits) return { verdict: "" };
  if (typeof OffscreenCanvas === "function" && workerAt(address)) {
    next += 1;
    const id = next;
    return new Promise((resolve) => {
      asked.set(id, resolve);
      worker.postMessage({ id, file, limits });
    });
  }
  try {
    const bitmap = await createImageBitmap(file);
    const found = measured(bitmap, limits, canvasOf);
    bitmap.close();
    return { measures: found, ...judged(found, limits.flaws) };
  } catch {
    return { verdict: "" };
  }
}

// Shows a verdict as a shape, a word and what to do; `say` holds the words.
export function showVerdict(place, { verdict, reasons = [] }, say) {
  place.replaceChildren();
  if (!verdict) {
    place.textContent = say.sayNotSeen;
    return;
  }
  const words = { good: say.sayGood, limited: say.sayLimited, poor: say.sayPoor };
  const template = document.getElementById("verdict-words").content;
  const badge = template.querySelector(`[data-verdict=${verdict}]`).cloneNode(true);
  badge.querySelector("[data-word]").textContent = words[verdict];
  place.append(badge);
  const sentences = reasons.map((reason) => limits.sentences[reason]).join(" ");
  if (sentences) place.append(" ", sentences);
}
