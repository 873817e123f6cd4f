// Images of the review: zoom (OpenSeadragon), the heat map over them, an earlier image beside.
//
// Without this file each image is a plain picture that links to itself. On a touch screen the
// picture stays plain, so that a finger scrolls the page, until somebody zooms.

const touch = matchMedia("(pointer: coarse)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const KEEP = new Set([70, 82]); // F and R would flip and turn the image: nobody asked for that
const opened = new WeakMap(); // figure → { viewer, ground, heat }

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
  const state = { viewer, ground, heat: null };
  opened.set(figure, state);
  return state;
}

function close(figure) {
  const state = opened.get(figure);
  if (!state) return;
  opened.delete(figure);
  state.viewer.destroy();
  state.ground.remove();
  const slider = figure.querySelector("[data-heat]");
  if (slider) slider.value = 0;
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

// The heat map is fetched when somebody first asks for it, not before.
function heat(slider) {
  const figure = slider.closest("[data-viewer]");
  const opacity = Number(slider.value) / 100;
  if (!opacity && !opened.has(figure)) return;
  const state = open(figure);
  if (state.heat) {
    state.heat.setOpacity(opacity);
  } else if (!state.asked) {
    state.asked = true;
    state.viewer.addSimpleImage({
      url: slider.dataset.heat,
      opacity,
      success: ({ item }) => {
        state.heat = item;
        state.ground.dataset.overlay = "";
        item.setOpacity(Number(slider.value) / 100);
      },
    });
  }
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
    if (event.target.dataset.heat) heat(event.target);
  });
}
