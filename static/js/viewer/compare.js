// The page that compares two images of a lesion.
//
// Without this file it shows two plain pictures beside each other.

import { say } from "../say.js";
import { Align } from "./align.js";
import { Flicker } from "./flicker.js";
import { setUpLight } from "./light.js";
import { showZoom, zoom } from "./osd.js";
import { Pair } from "./pair.js";
import { Ruler } from "./ruler.js";

function setUp(root) {
  const said = root.querySelector(":scope > [data-said]");
  const tell = (words) => (said.textContent = words);
  const figures = ["left", "right"].map((place) => root.querySelector(`[data-side=${place}]`));
  const names = figures.map((figure) => figure.dataset.name.trim());
  const pair = new Pair(...figures);

  for (const side of [pair.left, pair.right]) {
    const { figure, viewer } = side;
    const picture = figure.querySelector("[data-plain] img");
    setUpLight(figure.querySelector("[data-lights]"), () => [picture, viewer.drawer.canvas]);
    const button = figure.querySelector("[data-ruler]");
    new Ruler(viewer, button, figure.querySelector("[data-length]"), tell);
    // Both zooms are shown, the left one's is said.
    showZoom(viewer, figure.querySelector("[data-percent]"), side === pair.left ? tell : () => {});
  }

  const flicker = new Flicker(root, pair, names, tell);
  const align = new Align(root, pair, names);
  const together = root.querySelector("[data-together]");
  together.addEventListener("change", () => pair.setTogether(together.checked));

  const setMode = (mode) => {
    root.dataset.mode = mode;
    for (const each of root.querySelectorAll("[data-only]")) {
      each.hidden = each.dataset.only !== mode;
    }
    if (mode === "over") {
      align.leave();
      together.checked = true;
      pair.setTogether(true);
    }
    flicker.setMode(mode === "over");
  };
  root.addEventListener("change", (event) => {
    if (event.target.name === "mode") pair.keepInSight(() => setMode(event.target.value));
  });
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (!button) return;
    pair.leader = pair.left;
    zoom(pair.left.viewer, button.dataset.zoom);
    if (!pair.together) zoom(pair.right.viewer, button.dataset.zoom);
  });

  pair.ready.then(
    () => {
      for (const each of root.querySelectorAll("[data-controls]")) each.hidden = false;
      setMode("beside");
      align.showPlace();
    },
    () => say(root.dataset.sayImage),
  );
}

const root = document.querySelector("[data-pair]");
if (root && window.OpenSeadragon) setUp(root);
