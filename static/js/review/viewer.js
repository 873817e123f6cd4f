// Images of the review: zoom, what lies over them, their light, a ruler, an earlier image beside.
//
// Without this file each image is a plain picture that links to itself. On a touch screen the
// picture stays plain, so that a finger scrolls the page, until somebody zooms.

import { say } from "../say.js";
import { Glass } from "../viewer/glass.js";
import { setUpLight } from "../viewer/light.js";
import { arrived, makeViewer, showZoom, zoom } from "../viewer/osd.js";
import { Ruler } from "../viewer/ruler.js";

const touch = matchMedia("(pointer: coarse)");
const opened = new WeakMap(); // figure → { viewer, ground, glass, ready }
const lights = new WeakMap(); // figure → what puts the sliders' light onto its picture

function parts(figure) {
  return {
    stage: figure.querySelector("[data-stage]"),
    plain: figure.querySelector("[data-plain]"),
    image: figure.querySelector("[data-plain] img"),
  };
}

function telling(figure) {
  return (words) => (figure.querySelector("[data-said]").textContent = words);
}

function open(figure) {
  if (opened.has(figure)) return opened.get(figure);
  const { stage, plain, image } = parts(figure);
  const ground = document.createElement("div"); // destroy() empties it
  ground.className = "viewer__ground";
  stage.append(ground);
  const { hint, kind, sayFailed } = stage.dataset;
  const viewer = makeViewer(ground, plain.href, { label: image.alt, hint, kind });
  const state = { viewer, ground, glass: new Glass(viewer), ready: arrived(viewer) };
  opened.set(figure, state);
  showZoom(viewer, figure.querySelector("[data-percent]"), telling(figure));
  const button = figure.querySelector("[data-ruler]");
  if (button) {
    state.ruler = new Ruler(viewer, button, figure.querySelector("[data-length]"), telling(figure));
  }
  plain.hidden = true;
  lights.get(figure)?.();
  state.ready.catch(() => {
    if (opened.get(figure) !== state) return;
    close(figure);
    say(sayFailed);
  });
  return state;
}

function close(figure) {
  const state = opened.get(figure);
  if (!state) return;
  opened.delete(figure);
  state.ruler?.remove();
  state.viewer.destroy();
  state.ground.remove();
  reset(figure);
  figure.querySelector("[data-percent]").textContent = "";
  parts(figure).plain.hidden = false;
}

function act(figure, how) {
  if (how === "whole" && touch.matches) return close(figure);
  const { viewer, ready } = open(figure);
  ready.then(() => zoom(viewer, how), () => {});
}

// ---- what lies over the image ----

function isOn(row) {
  return row.querySelector("[data-layer-on]").getAttribute("aria-pressed") === "true";
}

function turn(row, on) {
  row.querySelector("[data-layer-on]").setAttribute("aria-pressed", on);
}

function reset(figure) {
  for (const row of figure.querySelectorAll("[data-layer]")) {
    turn(row, false);
    const slider = row.querySelector("[data-opacity]");
    slider.value = slider.defaultValue;
  }
}

// A layer that does not come is said, and its control goes back to nothing: the bare photograph
// must not pass for a map.
function show(figure) {
  const wanted = [...figure.querySelectorAll("[data-layer]")].map((row) => ({
    row,
    url: row.querySelector("[data-layer-of]")?.value || row.dataset.layer,
    opacity: isOn(row) ? Number(row.querySelector("[data-opacity]").value) / 100 : 0,
  }));
  if (!opened.has(figure) && wanted.every(({ opacity }) => !opacity)) return;
  const { glass, ground } = open(figure);
  glass.hideAllBut(wanted.map(({ url }) => url));
  for (const { row, url, opacity } of wanted) {
    glass.show(url, opacity).then(
      () => ground.toggleAttribute("data-overlay", glass.isCovered()),
      () => {
        turn(row, false);
        say(row.closest("[data-layers]").dataset.sayNone);
      },
    );
  }
}

function changeOpacity(target) {
  const row = target.closest("[data-layer]");
  const slider = row.querySelector("[data-opacity]");
  // Who moves the slider, or chooses a class, wants to see its map.
  turn(row, target !== slider || slider.value !== "0");
  slider.setAttribute("aria-valuetext", `${slider.value} %`);
  show(row.closest("[data-viewer]"));
}

function switchLayer(button) {
  const row = button.closest("[data-layer]");
  const slider = row.querySelector("[data-opacity]");
  turn(row, !isOn(row));
  if (isOn(row) && slider.value === "0") slider.value = slider.defaultValue;
  show(row.closest("[data-viewer]"));
}

// ---- earlier images ----

function compare(link) {
  const figure = document.getElementById(link.dataset.compare);
  const { plain, image } = parts(figure);
  close(figure);
  plain.href = link.href;
  image.src = link.href;
  image.alt = link.dataset.say;
  figure.querySelector("[data-caption]").textContent = link.dataset.say;
  const beside = figure.querySelector("[data-beside]");
  if (beside) beside.href = link.dataset.beside;
  const ruler = figure.querySelector("[data-ruler]");
  ruler.dataset.ruler = link.dataset.spacing;
  ruler.hidden = !link.dataset.spacing;
  figure.querySelector("[data-no-ruler]").hidden = Boolean(link.dataset.spacing);
  for (const other of document.querySelectorAll(`[data-compare="${link.dataset.compare}"]`)) {
    if (other === link) other.setAttribute("aria-current", "true");
    else other.removeAttribute("aria-current");
  }
  telling(figure)(link.dataset.say);
  if (!touch.matches) open(figure);
}

function setUpFigure(figure) {
  figure.querySelector("[data-controls]").hidden = false;
  const pictures = () => {
    const canvas = opened.get(figure)?.viewer.drawer.canvas;
    return [parts(figure).image, ...(canvas ? [canvas] : [])];
  };
  lights.set(figure, setUpLight(figure.querySelector("[data-lights]"), pictures));
  reset(figure);
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
    setUpFigure(figure);
    if (!touch.matches) soon.observe(figure);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) act(button.closest("[data-viewer]"), button.dataset.zoom);
    const ruler = event.target.closest("[data-ruler]");
    // On a touch screen nothing is open yet: the first press opens, and measures.
    const figure = ruler?.closest("[data-viewer]");
    if (figure && !opened.has(figure)) open(figure).ready.then(() => ruler.click(), () => {});
    const layer = event.target.closest("[data-layer-on]");
    if (layer) switchLayer(layer);
    const link = event.target.closest("[data-compare]");
    if (link) {
      event.preventDefault();
      compare(link);
    }
  });
  document.addEventListener("input", (event) => {
    if (event.target.closest("[data-layer]")) changeOpacity(event.target);
  });
}
