// Decodes and measures beside the page, which stays quick meanwhile.

import { judged, measured } from "./measure.js";

self.addEventListener("message", async ({ data: { id, file, limits } }) => {
  try {
    const bitmap = await createImageBitmap(file);
    const canvasOf = (width, height) => new OffscreenCanvas(width, height);
    const found = measured(bitmap, limits, canvasOf);
    bitmap.close();
    self.postMessage({ id, measures: found, ...judged(found, limits.flaws) });
  } catch {
    self.postMessage({ id, verdict: "" }); // no picture that a browser can show, DICOM for instance
  }
});
