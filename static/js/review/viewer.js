// Images of the review: zoom (OpenSeadragon), what lies over them, an earlier image beside.
//
// Without this file each image is a plain picture that links to itself. On a touch screen the
// picture stays plain, so that a finger scrolls the page, until somebody zooms.

import { say } from "../say.js";

const touch = matchMedia("(pointer: coarse)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const KEEP = new Set([70, 82]); // F and R would flip and turn the image: nobody asked for that
const opened = new WeakMap(); // figure → { viewer, ground, layers: address → { opacity, item } }

function parts(figure) {
  return {
    stage: figure.querySelector("[data-stage]"),
    plain: figure.querySelector("[data-plain]"),
    image: figure.querySelector("[data-plain] img"),
  };
}

function open(figure) {
  if (opened.has(figure)) return opened.get(figure);
  const { stage, plain, image } = parts(figure);
  const ground = document.createElement("div"); // destroy() empties it
  ground.className = "viewer__ground";
  stage.append(ground);
  const viewer = new window.OpenSeadragon.Viewer({
    element: ground,
    tileSources: { type: "image", url: plain.href },
    drawer: "canvas",
    showNavigationControl: false,
    animationTime: still.matches ? 0 : 0.4,
    visibilityRatio: 1,
    minZoomImageRatio: 1,
    maxZoomPixelRatio: 6,
    minScrollDeltaTime: 0,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsTouch: { flickEnabled: false, pinchRotate: false },
  });
  viewer.canvas.setAttribute("role", "img");
  viewer.canvas.setAttribute("aria-label", image.alt);
  // The wheel scrolls the page until somebody has clicked into the image.
  viewer.addHandler("canvas-scroll", (event) => {
    if (stage.contains(document.activeElement) || event.originalEvent.ctrlKey) return;
    event.preventDefaultAction = true;
    event.preventDefault = false;
  });
  viewer.addHandler("canvas-key", (event) => {
    if (KEEP.has(event.originalEvent.keyCode)) event.preventDefaultAction = true;
  });
  plain.hidden = true;
  const state = { viewer, ground, layers: new Map() };
  opened.set(figure, state);
  return state;
}

function close(figure) {
  const state = opened.get(figure);
  if (!state) return;
  opened.delete(figure);
  state.viewer.destroy();
  state.ground.remove();
  reset(figure);
  parts(figure).plain.hidden = false;
}

function zoom(figure, how) {
  if (how === "whole" && touch.matches) return close(figure);
  const started = !opened.has(figure);
  const { viewport, world } = open(figure).viewer;
  const act = () => {
    if (how === "whole") viewport.goHome();
    else viewport.zoomBy(how === "in" ? 1.5 : 1 / 1.5).applyConstraints();
  };
  if (started && !world.getItemCount()) world.addOnceHandler("add-item", () => setTimeout(act));
  else act();
}

function reset(figure) {
  const slider = figure.querySelector("[data-heat]");
  if (slider) slider.value = 0;
  const outline = figure.querySelector("[data-outline]");
  if (outline) outline.checked = false;
}

// A layer is fetched when somebody first asks for it, not before. One that does not come is said,
// and its control goes back to nothing: the bare photograph must not pass for a map.
function layer(figure, url, opacity) {
  if (!opacity && !opened.has(figure)) return;
  const state = open(figure);
  const known = state.layers.get(url);
  if (known) {
    known.opacity = opacity;
    known.item?.setOpacity(opacity);
    return;
  }
  if (!opacity) return;
  const made = { opacity, item: null };
  state.layers.set(url, made);
  state.viewer.addSimpleImage({
    url,
    opacity,
    success: ({ item }) => {
      made.item = item;
      state.ground.dataset.overlay = "";
      item.setOpacity(made.opacity);
    },
    error: () => {
      state.layers.delete(url);
      reset(figure);
      show(figure);
      say(figure.querySelector("[data-layers]").dataset.sayNone);
    },
  });
}

// What the controls under an image ask for.
function show(figure) {
  const slider = figure.querySelector("[data-heat]");
  if (slider) {
    const wanted = figure.querySelector("[data-heat-of]")?.value || slider.dataset.heat;
    for (const url of opened.get(figure)?.layers.keys() ?? []) {
      if (url !== wanted && !url.endsWith("/outline/")) layer(figure, url, 0);
    }
    layer(figure, wanted, Number(slider.value) / 100);
  }
  const outline = figure.querySelector("[data-outline]");
  if (outline) layer(figure, outline.dataset.outline, outline.checked ? 1 : 0);
}

function compare(link) {
  const figure = document.getElementById(link.dataset.compare);
  const { plain, image } = parts(figure);
  close(figure);
  plain.href = link.href;
  image.src = link.href;
  image.alt = link.dataset.say;
  figure.querySelector("[data-caption]").textContent = link.dataset.say;
  for (const other of document.querySelectorAll(`[data-compare="${link.dataset.compare}"]`)) {
    if (other === link) other.setAttribute("aria-current", "true");
    else other.removeAttribute("aria-current");
  }
  if (!touch.matches) open(figure);
}

export function setUp() {
  if (!window.OpenSeadragon) return;
  const soon = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        soon.unobserve(target);
        open(target);
      }
    },
    { rootMargin: "200px" },
  );
  for (const figure of document.querySelectorAll("[data-viewer]")) {
    figure.querySelector("[data-controls]").hidden = false;
    if (!touch.matches) soon.observe(figure);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) zoom(button.closest("[data-viewer]"), button.dataset.zoom);
    const link = event.target.closest("[data-compare]");
    if (link) {
      event.preventDefault();
      compare(link);
    }
  });
  document.addEventListener("input", (event) => {
    const { heat, heatOf, outline } = event.target.dataset;
    if ((heat ?? heatOf ?? outline) === undefined) return;
    const figure = event.target.closest("[data-viewer]");
    const slider = figure.querySelector("[data-heat]");
    // Who chooses a class wants to see its map.
    if (heatOf !== undefined && slider.value === "0") slider.value = 60;
    show(figure);
  });
}
