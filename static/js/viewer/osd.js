// An image that can be zoomed and moved: OpenSeadragon as this product uses it.

const still = matchMedia("(prefers-reduced-motion: reduce)");
const KEEP = new Set([70, 82]); // F and R would flip and turn the image: nobody asked for that

// A viewer of one image in `element`. `label` names it to screen readers, `hint` is the id of the
// words that say which keys it knows.
export function makeViewer(element, url, { label, hint, kind, ...more }) {
  const viewer = new window.OpenSeadragon.Viewer({
    element,
    tileSources: { type: "image", url },
    drawer: "canvas",
    showNavigationControl: false,
    animationTime: still.matches ? 0 : 0.4,
    visibilityRatio: 1,
    minZoomImageRatio: 1,
    maxZoomPixelRatio: 6,
    minScrollDeltaTime: 0,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsTouch: { flickEnabled: false, pinchRotate: false },
    ...more,
  });
  const { canvas } = viewer;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", label);
  if (kind) canvas.setAttribute("aria-roledescription", kind);
  if (hint) canvas.setAttribute("aria-describedby", hint);
  viewer.addHandler("canvas-key", (event) => {
    if (KEEP.has(event.originalEvent.keyCode)) event.preventDefaultAction = true;
  });
  // The wheel scrolls the page until somebody has clicked into the image.
  viewer.addHandler("canvas-scroll", (event) => {
    if (canvas.contains(document.activeElement) || event.originalEvent.ctrlKey) return;
    event.preventDefaultAction = true;
    event.preventDefault = false;
  });
  return viewer;
}

// The viewer's image, once it is there; rejects when it does not come.
export function arrived(viewer) {
  return new Promise((resolve, reject) => {
    const item = viewer.world.getItemAt(0);
    if (item) return resolve(item);
    viewer.addOnceHandler("open", () => resolve(viewer.world.getItemAt(0)));
    viewer.addOnceHandler("open-failed", reject);
  });
}

// How many pixels of the screen one pixel of the image takes, in per cent.
export function percent(viewer, current = true) {
  const item = viewer.world.getItemAt(0);
  if (!item) return null;
  const zoom = item.viewportToImageZoom(viewer.viewport.getZoom(current));
  return Math.round(zoom * devicePixelRatio * 100);
}

// `how`: "in", "out", "whole", or "native", where a pixel of the image is one of the screen.
export function zoom(viewer, how) {
  const { viewport, world } = viewer;
  const item = world.getItemAt(0);
  if (!item) return;
  // A small image is smaller than the whole view then, which no gesture may make it.
  if (how === "native") return viewport.zoomTo(item.imageToViewportZoom(1 / devicePixelRatio));
  if (how === "whole") return viewport.goHome();
  viewport.zoomBy(how === "in" ? 1.5 : 1 / 1.5).applyConstraints();
}

// Shows the zoom in an <output> as it changes, and says it once it rests.
export function showZoom(viewer, output, tell) {
  let resting;
  let told = null;
  const show = () => {
    const now = percent(viewer);
    if (now === null) return;
    const words = output.dataset.words.replace("{percent}", now);
    if (output.textContent !== words) output.textContent = words;
    told ??= now;
    clearTimeout(resting);
    resting = setTimeout(() => {
      if (told !== now) tell(words);
      told = now;
    }, 600);
  };
  viewer.addHandler("animation", show);
  viewer.addHandler("open", show);
  viewer.addHandler("resize", show);
  show();
}
